#include "stream_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

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

}  // namespace
}  // namespace millrace::eventlog
