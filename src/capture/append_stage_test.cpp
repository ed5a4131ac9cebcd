#include "append_stage.hpp"

#include <gtest/gtest.h>

#include <future>

namespace millrace::capture {
namespace {

/// Its first append waits to be let go, and fails then.
class FailingLog final : public eventlog::EventLog {
 public:
  Result<Offset> Append(const eventlog::EventBatch& batch, Deadline) override {
    if (!std::exchange(failed_, true)) {
      let_go.get_future().wait();
      return Fail(ErrorCode::kResourceExhausted, "the disk is full");
    }
    EXPECT_EQ(batch.after, last_);
    last_ = batch.upto;
    return next_ += batch.bodies.size();
  }
  Result<Position> LastPosition(const StreamId&, const std::string&) override {
    return last_;
  }
  Result<eventlog::StreamInfo> Stream(const StreamId& stream) override {
    return eventlog::StreamInfo{.stream = stream};
  }
  Result<eventlog::RecordBatch> Read(const StreamId&, Offset, std::uint32_t,
                                     std::uint64_t) override {
    return eventlog::RecordBatch();
  }
  Result<eventlog::RecordBatch> Find(const StreamId&, const std::string&,
                                     const Position&) override {
    return eventlog::RecordBatch();
  }
  Result<std::vector<eventlog::StreamInfo>> Streams() override { return {}; }
  bool WaitFor(const StreamId&, Offset, Deadline) override { return false; }
  void Interrupt(const StreamId*) override {}

  std::promise<void> let_go;

 private:
  bool failed_ = false;
  Position last_;
  Offset next_ = 0;
};

schema::Collection Events() {
  schema::Collection events;
  events.name = "clicks";
  events.key = "event_id";
  events.fields.push_back(
      {.name = "event_id", .type = schema::Type::Simple(schema::Kind::kText)});
  return events;
}

using Answer = std::future<Result<AcceptedEvents>>;

class AppendStageTest : public testing::Test {
 protected:
  Answer Submit(const std::string& id) {
    StreamRequest request;
    const std::string json = "{\"event_id\":\"" + id + "\"}";
    request.events.Add({id, json, 12});
    auto promise = std::make_shared<std::promise<Result<AcceptedEvents>>>();
    auto answer = promise->get_future();
    request.done = [promise](auto accepted) { promise->set_value(std::move(accepted)); };
    writer_.Submit(std::move(request));
    return answer;
  }
  /// Waits until the writer has begun to form its `count`th append.
  void WaitForForming(int count) {
    std::unique_lock lock(mutex_);
    forming_.wait(lock, [&] { return formed_ >= count; });
  }

  FailingLog log_;
  const schema::RecordCodec codec_{Events()};
  telemetry::Registry metrics_;
  std::mutex mutex_;
  std::condition_variable forming_;
  int formed_ = 0;
  StreamWriter writer_{log_,
                       codec_,
                       [this]() -> Result<Position> {
                         const std::lock_guard lock(mutex_);
                         ++formed_;
                         forming_.notify_all();
                         return Position{1, 1};
                       },
                       SystemClock(),
                       metrics_,
                       {}};
};

TEST_F(AppendStageTest, WhatWasFormedBehindAFailedAppendIsRefusedWithIt) {
  auto failed = Submit("a");
  WaitForForming(1);
  auto waiting = Submit("b");
  WaitForForming(2);
  auto formed = Submit("a");  // would be a duplicate of what is not there
  WaitForForming(3);
  log_.let_go.set_value();
  for (auto* answer : {&failed, &waiting, &formed}) {
    const auto accepted = answer->get();
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code(), ErrorCode::kResourceExhausted);
  }
  Offset offset = 0;
  for (const auto* id : {"a", "b", "c"}) {
    const auto accepted = Submit(id).get();
    ASSERT_TRUE(accepted) << accepted.error().ToString();
    EXPECT_EQ((*accepted)[0].offset, offset++);
    EXPECT_FALSE((*accepted)[0].duplicate);
  }
}

}  // namespace
}  // namespace millrace::capture
