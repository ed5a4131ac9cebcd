#include "stream_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "stream_path.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

/// Holds the first group back until `ready` says so; refuses it if told to.
class Gate final : public RoomKeeper {
 public:
  Status MakeRoom(const StreamId&, std::uint64_t bytes) override {
    sizes.push_back(bytes);
    entered = true;
    while (ready && !ready()) std::this_thread::yield();
    ready = nullptr;
    return std::exchange(answer, {});
  }
  std::function<bool()> ready;
  Status answer;
  std::atomic<bool> entered = false;
  std::vector<std::uint64_t> sizes;  ///< of each group; after all appends
};

class StreamLogTest : public testing::Test {
 protected:
  StreamLogTest() {
    context_.directory = dir_.path();
    context_.segment_bytes = 64u << 20u;
    context_.room = &gate_;
    log_ = std::make_unique<StreamLog>(context_, StreamId{"", "orders"});
  }
  EventBatch Batch(std::string source, std::uint64_t after, std::string_view body) const {
    return {log_->stream(), std::move(source), {0, after}, {0, after + 1}, {body}};
  }
  std::vector<std::string> Bodies() {
    std::vector<std::string> bodies;
    const auto batch = log_->Read(0, 100, 1u << 30u);
    for (const auto& record : batch->records()) bodies.emplace_back(record.body);
    return bodies;
  }

  TempDir dir_;
  Gate gate_;
  StreamContext context_;
  std::unique_ptr<StreamLog> log_;
};

TEST_F(StreamLogTest, WhatQueuesDuringASyncSharesTheNext) {
  gate_.ready = [&] { return log_->Queued() == 7; };
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      EXPECT_TRUE(
          log_->Append(Batch("s" + std::to_string(t), 0, "x"), Deadline::Never()));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(context_.counters.appended_batches, 8u);
  EXPECT_EQ(context_.counters.syncs, 2u);
  EXPECT_EQ(Bodies().size(), 8u);
}

TEST_F(StreamLogTest, BatchesOfOneSourceCanFollowEachOtherInOneGroup) {
  gate_.ready = [&] { return log_->Queued() == 2; };
  std::thread opener(
      [&] { EXPECT_TRUE(log_->Append(Batch("other", 0, "o"), Deadline::Never())); });
  while (!gate_.entered) std::this_thread::yield();
  std::thread first(
      [&] { EXPECT_TRUE(log_->Append(Batch("s", 0, "first"), Deadline::Never())); });
  while (log_->Queued() != 1) std::this_thread::yield();
  EXPECT_TRUE(log_->Append(Batch("s", 1, "second"), Deadline::Never()));
  opener.join();
  first.join();
  EXPECT_EQ(context_.counters.syncs, 2u);
  EXPECT_THAT(Bodies(), testing::ElementsAre("o", "first", "second"));
}

TEST_F(StreamLogTest, AGroupIsBoundedAndNobodyIsLeftWaiting) {
  const std::string large(9u << 20u, 'x');
  gate_.ready = [&] { return log_->Queued() == 4; };
  std::vector<std::thread> threads;
  for (int t = 0; t < 5; ++t) {
    threads.emplace_back([&, t] {
      EXPECT_TRUE(
          log_->Append(Batch("s" + std::to_string(t), 0, large), Deadline::Never()));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(context_.counters.syncs, 3u);  // 1 + 2 + 2
  for (const auto size : gate_.sizes) EXPECT_LT(size, 20u << 20u);
}

TEST_F(StreamLogTest, AnAppendThatWaitedTooLongWritesNothing) {
  std::atomic<bool> go = false;
  gate_.ready = [&] { return go.load(); };
  std::thread slow(
      [&] { EXPECT_TRUE(log_->Append(Batch("slow", 0, "slow"), Deadline::Never())); });
  while (!gate_.entered) std::this_thread::yield();
  const auto late =
      log_->Append(Batch("s", 0, "late"), Deadline::After(std::chrono::milliseconds(1)));
  go = true;
  slow.join();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(Bodies(), testing::ElementsAre("slow"));
}

TEST_F(StreamLogTest, ARefusedGroupLeavesNoTrace) {
  gate_.answer = Fail(ErrorCode::kResourceExhausted, "full");
  const auto batch = Batch("s", 0, "x");
  EXPECT_EQ(log_->Append(batch, Deadline::Never()).error().code(),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(log_->LastPosition("s"), Position{});
  EXPECT_EQ(log_->Append(batch, Deadline::Never()).value(), 1u);
}

TEST_F(StreamLogTest, AReadSeesDurableEventsOnly) {
  std::atomic<bool> go = false;
  gate_.ready = [&] { return go.load(); };
  std::thread writer(
      [&] { EXPECT_TRUE(log_->Append(Batch("s", 0, "x"), Deadline::Never())); });
  while (!gate_.entered) std::this_thread::yield();
  EXPECT_EQ(log_->Info().next, 0u);
  EXPECT_TRUE(log_->Read(0, 1, 1)->empty());
  go = true;
  writer.join();
  EXPECT_EQ(log_->Info().next, 1u);
}

TEST_F(StreamLogTest, WhatIsReadAheadIsCountedAsRead) {
  auto batch = Batch("s", 0, "x");
  batch.bodies = {"one", "two", "three"};
  ASSERT_TRUE(log_->Append(batch, Deadline::Never()));
  EXPECT_EQ(log_->Read(0, 1, 100)->records().size(), 1u);
  EXPECT_EQ(context_.counters.read_events, 3u);
  EXPECT_EQ(context_.counters.read_bytes, 11u);
}

TEST_F(StreamLogTest, FindSeesTheBatchOfEveryPositionThatTheSourceHas) {
  constexpr std::uint64_t kBatches = 2'000;
  std::thread appends([&] {
    for (std::uint64_t i = 0; i < kBatches; ++i)
      EXPECT_TRUE(log_->Append(Batch("s", i, "x"), Deadline::Never()));
  });
  for (std::uint64_t position = 1; position <= kBatches;) {
    const auto found = log_->Find("s", {0, position});
    if (!found) ADD_FAILURE() << found.error().ToString();
    if (!found || !found->empty()) ++position;
  }
  appends.join();
}

/// Looks at the disk, many at once.
TEST_F(StreamLogTest, TheEndThatLooksHaveFoundNeverGoesBack) {
  constexpr std::uint64_t kBatches = 1'000;
  context_.segment_bytes = 1;  // looks take long where there are many segments
  StreamContext looking;
  looking.directory = dir_.path();
  looking.read_only = true;
  StreamLog reader(looking, log_->stream());
  std::vector<std::jthread> looks;
  for (int i = 0; i < 4; ++i) {
    looks.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) EXPECT_TRUE(reader.Refresh());
    });
  }
  std::jthread watch([&](const std::stop_token& stop) {
    for (Offset last = 0; !stop.stop_requested();) {
      const auto next = reader.Info().next;
      EXPECT_GE(next, last);
      last = next;
      std::this_thread::yield();
    }
  });
  for (std::uint64_t i = 0; i < kBatches; ++i)
    ASSERT_TRUE(log_->Append(Batch("s", i, "x"), Deadline::Never()));
  while (reader.Info().next < kBatches) std::this_thread::yield();
}

TEST_F(StreamLogTest, ASegmentThatCannotBeRemovedIsStillThere) {
  context_.segment_bytes = 1;
  for (std::uint64_t i = 0; i < 3; ++i)
    ASSERT_TRUE(log_->Append(Batch("s", i, "x"), Deadline::Never()));
  const auto stored = context_.counters.stored_bytes.load();
  const auto oldest = SegmentPath(StreamDirectory(dir_.path(), log_->stream()), 0);
  const auto aside = dir_.path() / "aside";
  std::filesystem::rename(oldest, aside);
  std::filesystem::create_directories(oldest / "not empty");
  EXPECT_FALSE(log_->DropOldest());
  EXPECT_EQ(log_->Info().first, 0U);
  EXPECT_EQ(context_.counters.stored_bytes, stored);
  std::filesystem::remove_all(oldest);
  std::filesystem::rename(aside, oldest);
  EXPECT_TRUE(log_->DropOldest());
  EXPECT_EQ(log_->Info().first, 1U);
  EXPECT_LT(context_.counters.stored_bytes, stored);
}

TEST_F(StreamLogTest, TakesNoMoreDiskAheadThanItHolds) {
  constexpr std::uint64_t kMost = 4u << 20u;
  context_.preallocate_bytes = kMost;
  log_ = std::make_unique<StreamLog>(context_, StreamId{"", "orders"});
  const auto segment = SegmentPath(StreamDirectory(dir_.path(), log_->stream()), 0);
  ASSERT_TRUE(log_->Append(Batch("s", 0, "x"), Deadline::Never()));
  EXPECT_LE(std::filesystem::file_size(segment), 128u << 10u);
  const std::string large(kMost, 'x');
  for (std::uint64_t i = 1; i < 3; ++i)
    ASSERT_TRUE(log_->Append(Batch("s", i, large), Deadline::Never()));
  EXPECT_GE(std::filesystem::file_size(segment), 3 * kMost) << "then in whole steps";
}

}  // namespace
}  // namespace millrace::eventlog
