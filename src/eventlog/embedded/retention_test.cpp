#include "retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream_path.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

const StreamId kStream{"", "orders"};
const StreamId kOther{"", "other"};
constexpr std::uint64_t kSegment = 4096;

class RetentionTest : public testing::Test {
 protected:
  void Open(OnFull on_full) {
    log_.reset();
    log_ = MustOpen({.directory = dir_.path(),
                     .segment_bytes = kSegment,
                     .max_bytes = 5 * kSegment,
                     .on_full = on_full,
                     .only_copies = {"other"}});
  }
  /// Events of 1 KB: four to a segment.
  Status Fill(const StreamId& stream, int events) {
    for (int i = 0; i < events; ++i) {
      MR_CHECK_OK(LogDriver(*log_).Append(stream, {std::string(1000, 'x')}));
    }
    return {};
  }
  Offset First(const StreamId& stream) { return log_->Stream(stream)->first; }

  TempDir dir_;
  std::unique_ptr<EmbeddedEventLog> log_;
};

TEST_F(RetentionTest, OldestSegmentsGoAtTheLimitAndTheirReadersLearnIt) {
  Open(OnFull::kDropOldest);
  ASSERT_TRUE(Fill(kStream, 100));
  EXPECT_GT(First(kStream), 60u);
  EXPECT_LE(log_->Stats().stored_bytes, 5 * kSegment);
  EXPECT_GT(log_->Stats().dropped_segments, 10u);
  const auto passed = log_->Read(kStream, 0, 10, 1000);
  ASSERT_FALSE(passed);
  EXPECT_EQ(passed.error().code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(LogDriver(*log_).ReadAll(kStream, First(kStream)).size(),
            100 - First(kStream));
  const auto first = First(kStream);
  Open(OnFull::kDropOldest);
  EXPECT_EQ(First(kStream), first);
  EXPECT_THAT(log_->LastPosition(kStream, "src"), Holds(Position{0, 100}));
}

TEST_F(RetentionTest, APositionThatHasGoneIsOutOfRangeForASearch) {
  Open(OnFull::kDropOldest);
  ASSERT_TRUE(Fill(kStream, 100));
  const auto gone = log_->Find(kStream, "src", {0, First(kStream)});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kOutOfRange);
  const auto oldest = log_->Find(kStream, "src", {0, First(kStream) + 1});
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->records().front().offset, First(kStream));
}

TEST_F(RetentionTest, WithoutALimitNothingGoes) {
  log_ = MustOpen({.directory = dir_.path(), .segment_bytes = kSegment});
  log_->SetReader("r", kStream, 1000);
  ASSERT_TRUE(Fill(kStream, 100));
  EXPECT_EQ(First(kStream), 0u);
}

TEST_F(RetentionTest, WhatNoReaderNeedsGoesFirst) {
  Open(OnFull::kDropOldest);
  log_->SetReader("r", kStream, 0);
  ASSERT_TRUE(Fill(kStream, 10));
  ASSERT_TRUE(Fill(kOther, 100));  // younger, but nobody needs it
  EXPECT_EQ(First(kStream), 0u);
  EXPECT_GT(First(kOther), 80u);
  log_->SetReader("r", kStream, 9);
  ASSERT_TRUE(Fill(kOther, 10));
  EXPECT_GT(First(kStream), 0u);
}

TEST_F(RetentionTest, AReaderLeftBehindLosesItsPlaceWhenNothingElseIsLeft) {
  Open(OnFull::kDropOldest);
  log_->SetReader("r", kStream, 0);
  ASSERT_TRUE(Fill(kStream, 100));
  EXPECT_GT(First(kStream), 60u);
}

TEST_F(RetentionTest, RefusesInsteadUntilReadersWentOn) {
  Open(OnFull::kRefuse);
  log_->SetReader("slow", kStream, 0);
  log_->SetReader("fast", kStream, 1000);
  const auto refused = Fill(kStream, 100);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(First(kStream), 0u);
  const auto next = log_->Stream(kStream)->next;
  EXPECT_GT(next, 10u);
  EXPECT_EQ(LogDriver(*log_).ReadAll(kStream).size(), next);
  log_->RemoveReader("slow", kStream);
  EXPECT_TRUE(Fill(kStream, 1));
  EXPECT_GT(First(kStream), 0u);
}

TEST_F(RetentionTest, RefusingKeepsWhatHasNoReaders) {
  Open(OnFull::kRefuse);
  EXPECT_FALSE(Fill(kStream, 100));
  EXPECT_EQ(First(kStream), 0u);
}

TEST_F(RetentionTest, OnlyCopiesAreRefusedWhileOtherStreamsGoOn) {
  Open(OnFull::kRefuseOnlyCopies);
  log_->SetReader("slow", kOther, 0);
  ASSERT_TRUE(Fill(kOther, 10));
  // Changes have another home: their writer goes on, at the cost of their own readers.
  log_->SetReader("left behind", kStream, 0);
  ASSERT_TRUE(Fill(kStream, 40));
  EXPECT_GT(First(kStream), 0u);
  EXPECT_EQ(First(kOther), 0u);
  const auto refused = Fill(kOther, 40);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("log_full: "));
  EXPECT_EQ(First(kOther), 0u);
  // Its reader goes on: there is room again.
  log_->SetReader("slow", kOther, log_->Stream(kOther)->next);
  EXPECT_TRUE(Fill(kOther, 1));
}

TEST_F(RetentionTest, AStreamThatIsNoLongerDeclaredIsAnOnlyCopyStill) {
  const StreamId removed{"", "removed"};
  Open(OnFull::kRefuseOnlyCopies);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(LogDriver(*log_).Append(removed, {std::string(1000, 'x')}, "removed"));
  }
  ASSERT_TRUE(Fill(kStream, 40));
  EXPECT_EQ(First(removed), 0u);
  EXPECT_GT(First(kStream), 0u);
  // A collection of this name has its changes from the record store.
  const StreamId records{"", "records"};
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(LogDriver(*log_).Append(records, {std::string(1000, 'x')}, "records"));
  }
  EXPECT_GT(First(records), 0u);
  EXPECT_EQ(First(removed), 0u);
}

TEST_F(RetentionTest, StreamsOfOurOwnAreOnlyCopies) {
  Open(OnFull::kRefuseOnlyCopies);
  EXPECT_FALSE(Fill({"", "_redrive.p"}, 40));
  EXPECT_EQ(First({"", "_redrive.p"}), 0u);
}

TEST_F(RetentionTest, SnapshotsAreNeitherRefusedNorCountedAndGoWhenTheyWereRead) {
  const StreamId snapshot{"", "_snapshot.p"};
  for (const auto on_full : {OnFull::kRefuse, OnFull::kRefuseOnlyCopies}) {
    Open(on_full);
    log_->SetReader("r", kStream, 0);
    log_->SetReader("s", snapshot, 0);
    const auto first = First(kStream);
    const auto before = log_->Stream(snapshot)->next;
    ASSERT_TRUE(Fill(snapshot, 40));
    EXPECT_EQ(log_->Stream(snapshot)->next, before + 40);
    ASSERT_TRUE(Fill(kStream, 4));
    EXPECT_EQ(First(kStream), first);
    log_->SetReader("s", snapshot, before + 40);
    ASSERT_TRUE(Fill(kStream, 1));
    EXPECT_GT(First(snapshot), before + 30);
  }
}

}  // namespace
}  // namespace millrace::eventlog
