#include "segment_find.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "segment_scan.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

/// What looks like the begin of a header wherever one could be.
std::string Lures(std::size_t size) {
  std::string out;
  while (out.size() < size) out += "MRLBxxxx";
  out.resize(size);
  return out;
}

std::string Batch(std::uint64_t number, std::uint64_t place, std::string_view body) {
  auto batch = EncodeBatch("src", {0, number}, {0, number + 1}, {body});
  SealBatch(batch, number, place);
  return batch;
}

TEST(SegmentFindTest, TheNextHeaderIsFoundWhereverAChunkEnds) {
  const TempDir directory;
  for (const std::size_t before : {0u, 8u, 65'328u, 65'336u, 65'344u, 65'400u, 65'528u,
                                   65'536u, 130'672u, 1'000'000u}) {
    const auto path = directory.path() / "segment";
    auto bytes = Lures(before) + Batch(7, before, "body");
    const auto end = bytes.size();
    bytes += Lures(70'000);
    Spill(path, bytes);
    const auto file = File::OpenRead(path).value();
    FileWindow window(file, bytes.size(), 4096);
    EXPECT_EQ(NextHeader(window, 0, bytes.size()).value(), before);
    EXPECT_EQ(NextHeader(window, 0, before).value(), before) << "none before the end";
    EXPECT_EQ(NextHeader(window, before + 8, bytes.size()).value(), bytes.size());
    EXPECT_EQ(NextHeader(window, end, bytes.size()).value(), bytes.size());
  }
}

/// A text that would be a header, if that could be as long as text says: printable, as a
/// client's could be.
std::string ForgedHeader() {
  constexpr std::size_t kFixed = 72, kSource = 0x2020;
  for (std::uint32_t trial = 0;; ++trial) {
    std::string header =
        "MRLB    " + std::string(kFixed - 8, 'x') + std::string(kSource, 'y');
    header[kFixed - 2] = header[kFixed - 1] = ' ';
    header.replace(8, 8, std::to_string(10'000'000 + trial));
    const auto sum = Crc32c(std::string_view(header).substr(8));
    for (std::size_t i = 0; i < 4; ++i) header[4 + i] = static_cast<char>(sum >> (8 * i));
    if (DecodeBatchHeader(header)) return header;
    if (trial > 10'000) return {};
  }
}

TEST(SegmentFindTest, TheTextOfARecordIsNoHeader) {
  const TempDir directory;
  const auto path = directory.path() / "segment";
  const auto forged = ForgedHeader();
  ASSERT_FALSE(forged.empty());
  std::string bytes;
  for (std::uint64_t i = 0; i < 100; ++i) {
    std::string body = "xxxx";  // the body begins four bytes behind a multiple of eight
    for (int copy = 0; copy < 8; ++copy)
      body += forged + std::string(1 + 8 - forged.size() % 8, 'z');
    bytes += Batch(i, bytes.size(), body);
  }
  Spill(path, bytes);
  const auto file = File::OpenRead(path).value();
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto found = FindBatch(file, 0, bytes.size(), "src", {0, i + 1}).value();
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->first, i);
  }
}

TEST(SegmentFindTest, AFileThatIsShorterThanItShouldBeHasNoHeader) {
  const TempDir directory;
  const auto path = directory.path() / "segment";
  Spill(path, Lures(100));
  const auto file = File::OpenRead(path).value();
  FileWindow window(file, 1'000'000, 4096);
  EXPECT_EQ(NextHeader(window, 0, 1'000'000).value(), 1'000'000u);
}

/// Batches of megabytes and of bytes in one file: few hops and many.
TEST(SegmentFindTest, EachBatchIsFoundAmongLargeAndSmallOnes) {
  const TempDir directory;
  const auto path = directory.path() / "segment";
  std::string bytes;
  std::vector<std::uint64_t> places;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    places.push_back(bytes.size());
    bytes += Batch(i, bytes.size(), Lures(i % 500 == 250 ? 1'500'000 : i % 200));
  }
  Spill(path, bytes);
  const auto file = File::OpenRead(path).value();
  for (std::uint64_t i = 0; i < places.size();
       i += i % 500 >= 240 && i % 500 < 260 ? 1 : 7) {
    const auto found = FindBatch(file, 0, bytes.size(), "src", {0, i + 1}).value();
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->place, places[i]);
    EXPECT_EQ(found->first, i);
  }
  EXPECT_FALSE(FindBatch(file, 0, bytes.size(), "src", {0, 3'001}).value());
  EXPECT_FALSE(FindBatch(file, 0, bytes.size(), "another", {0, 5}).value());
}

}  // namespace
}  // namespace millrace::eventlog
