#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream_path.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

const StreamId kStream{"", "orders"};
constexpr std::uint64_t kSegment = 4096;

Status Unwatched(std::uint64_t) { return {}; }

class LogCopy : public testing::Test {
 protected:
  void SetUp() override { Open(0); }
  void Open(std::uint64_t max_bytes) {
    log_.reset();
    log_ = MustOpen(
        {.directory = from_.path(), .segment_bytes = kSegment, .max_bytes = max_bytes});
  }
  /// Events of 1 KB: four to a segment.
  void Fill(int events) {
    for (int i = 0; i < events; ++i) {
      ASSERT_TRUE(LogDriver(*log_).Append(kStream, {std::string(1000, 'x')}));
    }
  }
  Status Copy() { return log_->CopyTo(to_.path() / "log", Unwatched); }
  StreamInfo Copied() {
    const auto copy =
        MustOpen({.directory = to_.path() / "log", .segment_bytes = kSegment});
    const auto info = *copy->Stream(kStream);
    EXPECT_EQ(LogDriver(*copy).ReadAll(kStream, info.first).size(),
              info.next - info.first);
    EXPECT_THAT(copy->LastPosition(kStream, "src"), Holds(Position{0, info.next}));
    return info;
  }

  TempDir from_, to_;
  std::unique_ptr<EmbeddedEventLog> log_;
};

TEST_F(LogCopy, HasEveryDurableEventAndTakesOn) {
  Fill(10);
  ASSERT_TRUE(Copy());
  Fill(3);  // into the segment that was copied in part, and the next one
  ASSERT_TRUE(Copy());
  EXPECT_EQ(Copied().next, 13u);
}

TEST_F(LogCopy, LeavesOutPreallocatedSpace) {
  Fill(1);
  ASSERT_TRUE(Copy());
  EXPECT_LT(fs::file_size(SegmentPath(StreamDirectory(to_.path() / "log", kStream), 0)),
            kSegment);
}

TEST_F(LogCopy, KeepsWhatRetentionDroppedMeanwhile) {
  Open(5 * kSegment);
  Fill(10);
  ASSERT_TRUE(Copy());
  Fill(10);
  ASSERT_GT(log_->Stream(kStream)->first, 0u);
  ASSERT_TRUE(Copy());
  const auto info = Copied();
  EXPECT_EQ(info.first, 0u);
  EXPECT_EQ(info.next, 20u);
}

TEST_F(LogCopy, RefusesAHole) {
  Open(5 * kSegment);
  Fill(10);
  ASSERT_TRUE(Copy());
  Fill(60);  // past everything that was copied
  const auto copied = Copy();
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kOutOfRange);
}

TEST_F(LogCopy, BeginsWhereTheLogBeginsByNow) {
  Fill(20);
  // As if retention dropped it between the look and the copy.
  fs::remove(SegmentPath(StreamDirectory(from_.path(), kStream), 0));
  ASSERT_TRUE(Copy());
  EXPECT_GT(Copied().first, 0u);
}

TEST_F(LogCopy, OfAStoppedLogIsTheSame) {
  Fill(10);
  log_.reset();
  log_ = *OpenEmbeddedReadOnly(from_.path());
  ASSERT_TRUE(Copy());
  EXPECT_EQ(Copied().next, 10u);
}

}  // namespace
}  // namespace millrace::eventlog
