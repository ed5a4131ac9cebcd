#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "../testing/conformance_fixture.hpp"
#include "records_embedded/database_copy.hpp"
#include "test_place.hpp"

namespace millrace::records::testing {
namespace {

namespace fs = std::filesystem;

Status Unwatched(std::uint64_t) { return {}; }

/// A copy of records.db, and what becomes of it.
class RecordsCopy : public RecordsConformance {
 protected:
  EmbeddedRecords& records() { return static_cast<EmbeddedRecords&>(*open_.store); }
  EmbeddedPlace& place() { return static_cast<EmbeddedPlace&>(*place_); }
  fs::path CopyFile() const { return copy_.directory() / "records.db"; }
  /// Opens what was copied instead of the original.
  void OpenCopy() {
    Close();
    auto opened = copy_.Open({Orders(), Counters()}, clock_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    open_ = std::move(*opened);
  }

  EmbeddedPlace copy_;
};

TEST_P(RecordsCopy, HasWhatWasCommittedBeforeItsMoment) {
  ASSERT_TRUE(CreateOrder("a").ok());
  ASSERT_TRUE(records().CopyTo(
      CopyFile(),
      [this] {
        return CreateOrder("b").ok() ? Status() : Fail(ErrorCode::kInternal, "");
      },
      Unwatched));
  ASSERT_TRUE(CreateOrder("c").ok());
  OpenCopy();
  EXPECT_TRUE(open_.store->Get("", "orders", "a"));
  EXPECT_TRUE(open_.store->Get("", "orders", "b"));
  EXPECT_FALSE(open_.store->Get("", "orders", "c"));
}

TEST_P(RecordsCopy, KeepsChangesThatWereCapturedWhileTheLogWasCopied) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  const auto all = Changes();
  open_.feed->Trim(all[1].position);
  ASSERT_TRUE(records().CopyTo(
      CopyFile(),
      [&]() -> Status {
        // Not in the copy of the log any more.
        open_.feed->Trim(all[3].position);
        return CreateOrder("more").ok() ? Status() : Fail(ErrorCode::kInternal, "");
      },
      Unwatched));
  ASSERT_TRUE(CreateOrder("after").ok());
  EXPECT_EQ(*open_.feed->Begin(), all[3].position);
  OpenCopy();
  EXPECT_EQ(*open_.feed->Begin(), all[1].position);
  EXPECT_EQ(Changes(all[1].position).size(), 3u);
}

TEST_P(RecordsCopy, WhatWasHeldForItGoesWithoutAnotherWrite) {
  place().options.idle_trim = std::chrono::milliseconds(1);
  Reopen();
  ASSERT_TRUE(CreateOrder("a").ok());
  const auto end = *open_.feed->End();
  ASSERT_TRUE(records().CopyTo(
      CopyFile(),
      [&]() -> Status {
        open_.feed->Trim(end);
        return {};
      },
      Unwatched));
  while (*open_.feed->Begin() != end) std::this_thread::yield();
}

TEST_P(RecordsCopy, EndsWhenItsWatcherSaysSo) {
  ASSERT_TRUE(CreateOrder("a").ok());
  const auto copied = records().CopyTo(
      CopyFile(), [] { return Status(); },
      [](std::uint64_t) { return Fail(ErrorCode::kUnavailable, "cancelled"); });
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kUnavailable);
  // Rows that were captured may go again.
  open_.feed->Trim(Changes().back().position);
  ASSERT_TRUE(CreateOrder("b").ok());
  EXPECT_EQ(open_.feed->Begin()->low, 1u);
}

TEST_P(RecordsCopy, IsASourceWhoseVersionsAreAboveAllBefore) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  const auto all = Changes();
  open_.feed->Trim(all[1].position);
  const auto last = CreateOrder("last").one().version;
  ASSERT_TRUE(records().CopyTo(CopyFile(), [] { return Status(); }, Unwatched));
  const auto later = CreateOrder("later").one().version;
  const auto epoch = RaiseEpoch(copy_.directory(), clock_.Now());
  ASSERT_TRUE(epoch) << epoch.error().ToString();
  EXPECT_GT(*epoch, last.epoch);
  OpenCopy();
  // The feed goes on where it was: nothing is lost, nothing comes again.
  const auto end = *open_.feed->End();
  EXPECT_EQ(end.low, 5u);
  EXPECT_EQ(Changes(all[1].position).size(), 3u);
  EXPECT_TRUE(Changes(end).empty());
  const auto written = CreateOrder("new").one().version;
  EXPECT_GT(written, later);
  const auto changes = Changes(all[3].position);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes.back().version, written);
  EXPECT_GT(changes.back().position, end);
  // Each of two restores has its own.
  Close();
  const auto again = RaiseEpoch(copy_.directory(), clock_.Now());
  ASSERT_TRUE(again);
  EXPECT_GT(*again, *epoch);
}

TEST(RaiseEpoch, SaysWhenThereAreNoRecords) {
  const EmbeddedPlace place;
  const auto raised = RaiseEpoch(place.directory(), 0);
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code(), ErrorCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Embedded, RecordsCopy,
                         ::testing::Values(Adapter{
                             "sqlite", [] { return std::make_unique<EmbeddedPlace>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
