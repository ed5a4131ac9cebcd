#include "segment_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sparse_index.hpp"
#include "stream_path.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

const StreamId kStream{"t1", "orders"};
const fs::path kGolden = fs::path(MR_TEST_DATA) / "eventlog";
const std::string kLong(4096, 'x');

fs::path FileIn(const fs::path& log, Offset first) {
  return SegmentPath(StreamDirectory(log, kStream), first);
}

/// The golden files are what this leaves.
void AppendGoldenEvents(EventLog& log) {
  const auto append = [&](std::string source, Position after, Position upto,
                          std::vector<std::string_view> bodies) {
    const auto done = log.Append(
        {kStream, std::move(source), after, upto, std::move(bodies)}, Deadline::Never());
    EXPECT_TRUE(done);
  };
  append("src", {}, {1, 2}, {"first", "second"});
  append("other", {}, {0, 5}, {kLong});
  append("src", {1, 2}, {1, 3}, {"third"});  // begins a segment
}

TEST(SegmentFormat, WritesTheGoldenFilesByteForByte) {
  const TempDir dir;
  AppendGoldenEvents(*MustOpen({.directory = dir.path(), .segment_bytes = 4096}));
  EXPECT_TRUE(Slurp(FileIn(dir.path(), 0)) == Slurp(kGolden / "segment_v1_first.log"));
  EXPECT_TRUE(Slurp(FileIn(dir.path(), 3)) == Slurp(kGolden / "segment_v1_next.log"));
}

TEST(SegmentFormat, ReadsTheGoldenFiles) {
  const TempDir dir;
  fs::create_directories(FileIn(dir.path(), 0).parent_path());
  fs::copy(kGolden / "segment_v1_first.log", FileIn(dir.path(), 0));
  fs::copy(kGolden / "segment_v1_next.log", FileIn(dir.path(), 3));
  const auto log = MustOpen({.directory = dir.path()});
  ASSERT_NE(log, nullptr);
  EXPECT_THAT(LogDriver(*log).ReadAll(kStream),
              testing::ElementsAre("first", "second", kLong, "third"));
  EXPECT_THAT(log->LastPosition(kStream, "src"), Holds(Position{1, 3}));
  EXPECT_THAT(log->LastPosition(kStream, "other"), Holds(Position{0, 5}));
}

TEST(SegmentFormat, HeadersComeBack) {
  const SegmentHeader header{kStream, 77, {{"a", {1, 2}}, {"b", {3, 4}}}};
  const auto bytes = EncodeSegmentHeader(header);
  EXPECT_EQ(bytes.size() % kBatchAlignment, 0u);
  EXPECT_EQ(SegmentHeaderLength(bytes), bytes.size());
  const auto decoded = DecodeSegmentHeader(bytes + "more");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->stream, kStream);
  EXPECT_EQ(decoded->first, 77u);
  EXPECT_EQ(decoded->positions, header.positions);
}

TEST(SegmentFormat, NoFlippedBitOfAHeaderOrBatchPasses) {
  const auto header = EncodeSegmentHeader({kStream, 7, {{"a", {1, 2}}}});
  auto batch = EncodeBatch("src", {0, 1}, {0, 2}, {"one", "three"});
  SealBatch(batch, 7, 64);
  for (std::size_t bit = 0; bit < 8 * header.size(); ++bit) {
    auto damaged = header;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeSegmentHeader(damaged)) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * batch.size(); ++bit) {
    auto damaged = batch;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = DecodeBatchHeader(damaged);
    EXPECT_FALSE(decoded && PayloadIsValid(*decoded, damaged)) << bit;
  }
}

TEST(SegmentFormat, NoPrefixOfAHeaderOrBatchPasses) {
  const auto header = EncodeSegmentHeader({kStream, 7, {{"a", {1, 2}}}});
  auto batch = EncodeBatch("src", {0, 1}, {0, 2}, {"one", "three"});
  SealBatch(batch, 7, 64);
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(DecodeSegmentHeader(header.substr(0, size))) << size;
  }
  for (std::size_t size = 0; size < batch.size(); ++size) {
    const auto prefix = batch.substr(0, size);
    const auto decoded = DecodeBatchHeader(prefix);
    EXPECT_FALSE(decoded && PayloadIsValid(*decoded, prefix)) << size;
  }
}

TEST(SegmentFormat, MarksEndInTheirTrailer) {
  for (int sources = 0; sources < 9; ++sources) {
    Positions positions;
    for (int i = 0; i < sources; ++i)
      positions[std::string(1, static_cast<char>('a' + i))] = {1, 2};
    const auto mark = EncodeMark(positions, 12, 4096);
    EXPECT_EQ(MarkLength(std::string_view(mark).substr(mark.size() - 8)), mark.size());
    const auto header = DecodeBatchHeader(mark);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->length(), mark.size());
    EXPECT_EQ(header->first, 12u);
    EXPECT_EQ(header->group_start, 4096u);
    EXPECT_EQ(DecodeMark(*header, mark), positions);
  }
}

TEST(StreamPath, NamesAreReadableAndNeverLeaveTheLog) {
  const fs::path log = "log";
  EXPECT_EQ(StreamDirectory(log, {"", "orders"}), "log/_/orders");
  EXPECT_EQ(StreamDirectory(log, {"acme", "_redrive.orders"}),
            "log/acme/_redrive.orders");
  EXPECT_EQ(StreamDirectory(log, {"_", ".."}), "log/%5f/%2e.");
  EXPECT_EQ(StreamDirectory(log, {"a/b", "c d"}), "log/a%2fb/c%20d");
  EXPECT_EQ(SegmentPath("d", 42), "d/00000000000000000042.log");
}

TEST(SparseIndex, FloorsToKeptEntriesOnly) {
  SparseIndex index;
  EXPECT_FALSE(index.Floor(0));
  index.Add({0, 64});
  index.Add({10, 100});  // near the first
  index.Add({500, 200'000});
  index.Add({200, 100'000});  // between, by a reader
  index.Add({450, 190'000});  // near the next
  EXPECT_EQ(index.Floor(10)->position, 64u);
  EXPECT_EQ(index.Floor(200)->position, 100'000u);
  EXPECT_EQ(index.Floor(499)->position, 100'000u);
  EXPECT_EQ(index.Floor(9999)->position, 200'000u);
}

}  // namespace
}  // namespace millrace::eventlog
