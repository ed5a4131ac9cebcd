#include "capture/change_pump.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "change/envelope.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"

namespace millrace::capture {
namespace {

using records::Change;
using records::ChangeBatch;

/// A feed of changes that a test adds; what was trimmed is gone.
class FakeFeed final : public records::ChangeFeed {
 public:
  void Add(const std::string& collection, const std::string& key) {
    const std::lock_guard lock(mutex_);
    Change change{};
    change.position = {epoch_, ++end_};
    change.version = {epoch_, end_, 0};
    change.operation = records::Operation::kInsert;
    auto text = std::make_shared<const std::string>(collection + "|" + key +
                                                    R"(|{"k":")" + key + R"("})");
    const auto first = text->find('|'), second = text->find('|', first + 1);
    change.collection = std::string_view(*text).substr(0, first);
    change.key = std::string_view(*text).substr(first + 1, second - first - 1);
    change.after = std::string_view(*text).substr(second + 1);
    changes_.changes.push_back(change);
    changes_.arena.push_back(std::move(text));
    added_.notify_all();
  }
  /// As if records.db were replaced by an older copy.
  void GoBackTo(std::uint64_t end) { end_ = end; }
  /// As if records.db were restored from a backup.
  void RaiseEpoch() { ++epoch_; }
  Position trimmed() const { return trimmed_; }

  std::string source() const override { return "records"; }
  Result<ChangeBatch> Read(Position after, std::uint32_t max_rows,
                           std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    if (after.low < trimmed_.low) return Fail(ErrorCode::kOutOfRange, "trimmed");
    ChangeBatch batch;
    batch.arena = changes_.arena;
    for (const auto& change : changes_.changes) {
      if (change.position.low <= after.low) continue;
      if (batch.changes.size() == max_rows) break;
      batch.changes.push_back(change);
    }
    return batch;
  }
  Result<Position> Begin() override {
    const std::lock_guard lock(mutex_);
    return Position{epoch_, trimmed_.low};
  }
  Result<Position> End() override {
    const std::lock_guard lock(mutex_);
    return Position{epoch_, end_};
  }
  bool WaitFor(Position beyond, Deadline) override {
    std::unique_lock lock(mutex_);
    added_.wait(lock, [&] { return Position{epoch_, end_} > beyond || interrupted_; });
    return Position{epoch_, end_} > beyond;
  }
  void Interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    added_.notify_all();
  }
  void WaitUntilInterrupted() {
    std::unique_lock lock(mutex_);
    added_.wait(lock, [this] { return interrupted_; });
  }
  void Trim(Position upto) override {
    const std::lock_guard lock(mutex_);
    trimmed_ = upto;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable added_;
  ChangeBatch changes_;
  std::uint32_t epoch_ = 1;
  std::uint64_t end_ = 0;
  Position trimmed_;
  bool interrupted_ = false;
};

/// A log that takes no append once it was told so; promises the first one it refused.
class RefusingLog final : public eventlog::EventLog {
 public:
  explicit RefusingLog(eventlog::EventLog& log) : log_(log) {}
  void Refuse(Error error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  void Allow() {
    const std::lock_guard lock(mutex_);
    error_.reset();
  }
  void WaitUntilRefused() { refused_.get_future().wait(); }
  /// Called before each append that is let through.
  void OnAppend(std::function<void()> hook) { hook_ = std::move(hook); }

  Result<Offset> Append(const eventlog::EventBatch& batch, Deadline deadline) override {
    const std::lock_guard lock(mutex_);
    if (!error_) {
      if (hook_) hook_();
      return log_.Append(batch, deadline);
    }
    if (!std::exchange(promised_, true)) refused_.set_value();
    return Fail(*error_);
  }
  Result<Position> LastPosition(const StreamId& stream,
                                const std::string& source) override {
    return log_.LastPosition(stream, source);
  }
  Result<eventlog::RecordBatch> Read(const StreamId& stream, Offset from,
                                     std::uint32_t max_records,
                                     std::uint64_t max_bytes) override {
    return log_.Read(stream, from, max_records, max_bytes);
  }
  Result<eventlog::RecordBatch> Find(const StreamId& stream, const std::string& source,
                                     const Position& position) override {
    return log_.Find(stream, source, position);
  }
  Result<std::vector<eventlog::StreamInfo>> Streams() override { return log_.Streams(); }
  Result<eventlog::StreamInfo> Stream(const StreamId& stream) override {
    return log_.Stream(stream);
  }
  bool WaitFor(const StreamId& stream, Offset beyond, Deadline deadline) override {
    return log_.WaitFor(stream, beyond, deadline);
  }
  void Interrupt(const StreamId* stream) override { log_.Interrupt(stream); }

 private:
  eventlog::EventLog& log_;
  std::mutex mutex_;
  std::optional<Error> error_;
  bool promised_ = false;
  std::function<void()> hook_;
  std::promise<void> refused_;
};

class ChangePumpTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("pump-" + std::to_string(getpid()) + "-" +
                  testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    OpenLog();
  }
  void TearDown() override {
    log_.reset();
    std::filesystem::remove_all(directory_);
  }
  void OpenLog() {
    log_.reset();
    auto log = eventlog::OpenEmbedded({.directory = directory_});
    ASSERT_TRUE(log) << log.error().ToString();
    log_ = std::move(*log);
  }
  std::vector<std::string> Keys(const std::string& stream) {
    std::vector<std::string> keys;
    const auto batch = log_->Read({"", stream}, 0, 1000, 1u << 20u);
    EXPECT_TRUE(batch);
    for (const auto& record : batch->records()) {
      const auto event = change::ParseEnvelope(record.body);
      EXPECT_TRUE(event);
      keys.emplace_back(event->key);
    }
    return keys;
  }

  std::filesystem::path directory_;
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  FakeFeed feed_;
  telemetry::Logger logger_{{.level = telemetry::Level::kError}};
};

TEST_F(ChangePumpTest, CarriesWhatIsThereAndWhatComesAndTrimsTheFeed) {
  feed_.Add("orders", "a");
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  ASSERT_TRUE(pump.Start());
  EXPECT_EQ(mark.Get(), (Position{1, 1}));
  feed_.Add("customers", "c");
  feed_.Add("orders", "b");
  EXPECT_TRUE(pump.Drain(Deadline::After(std::chrono::seconds(10))));
  pump.Stop();
  EXPECT_EQ(Keys("orders"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Keys("customers"), (std::vector<std::string>{"c"}));
  EXPECT_EQ(feed_.trimmed(), (Position{1, 3}));
}

TEST_F(ChangePumpTest, WritesNothingTwiceWhenTheFeedStillHasWhatTheLogHas) {
  feed_.Add("orders", "a");
  feed_.Add("customers", "c");
  // An earlier life appended the first change, and died before the feed was trimmed.
  std::string body;
  change::Event event;
  event.after = R"({"k":"a"})";
  event.source = "records";
  event.collection = "orders";
  event.key = "a";
  event.operation = "insert";
  event.version = {1, 1, 0};
  change::AppendEnvelope(body, event);
  ASSERT_TRUE(
      log_->Append({{"", "orders"}, "records", {}, {1, 1}, {body}}, Deadline::Never()));
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  ASSERT_TRUE(pump.Start());
  feed_.Add("orders", "b");
  EXPECT_TRUE(pump.Drain(Deadline::After(std::chrono::seconds(10))));
  pump.Stop();
  EXPECT_EQ(Keys("orders"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Keys("customers"), (std::vector<std::string>{"c"}));
}

TEST_F(ChangePumpTest, GoesOnAfterARestart) {
  for (int life = 0; life < 3; ++life) {
    OpenLog();
    FakeFeed& feed = feed_;
    change::CompleteMark mark;
    PumpOptions small;
    small.max_rows = 2;
    ChangePump pump(feed, *log_, mark, logger_, small);
    for (int i = 0; i < 5; ++i) feed.Add("orders", std::to_string(life * 5 + i));
    ASSERT_TRUE(pump.Start());
    EXPECT_EQ(mark.Get(), (Position{1, static_cast<std::uint64_t>(life) * 5 + 5}));
  }
  EXPECT_EQ(Keys("orders").size(), 15u);
  EXPECT_EQ(Keys("orders").back(), "14");
}

TEST_F(ChangePumpTest, SaysWhyALogTakesNothing) {
  struct Case {
    const char* name;
    Error error;
    const char* state;
    const char* reason;
  };
  const Case cases[] = {
      {"nobody knows whether it was written",
       {ErrorCode::kDeadlineExceeded, "sync 000.log: input/output error"},
       "stopped",
       "deadline_exceeded: append to orders: sync 000.log: input/output error; only a "
       "restart tells whether it was written"},
      {"read-only since then",
       {ErrorCode::kUnavailable, "read-only since a write or sync failed: restart"},
       "waiting",
       "unavailable: append to orders: read-only since a write or sync failed: restart"},
      {"no room",
       {ErrorCode::kResourceExhausted, "no space left"},
       "waiting",
       "resource_exhausted: append to orders: no space left"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RefusingLog log(*log_);
    change::CompleteMark mark;
    ChangePump pump(feed_, log, mark, logger_);
    ASSERT_TRUE(pump.Start());
    const auto carried = mark.Get();
    log.Refuse(c.error);
    feed_.Add("orders", "a");
    log.WaitUntilRefused();
    pump.Stop();
    EXPECT_EQ(pump.status().state, c.state);
    EXPECT_EQ(pump.status().reason, c.reason);
    EXPECT_EQ(mark.Get(), carried) << "what the log did not take is not complete";
  }
}

TEST_F(ChangePumpTest, StartsWithALogThatHasNoRoomAndGoesOnWhenThereIsSome) {
  feed_.Add("orders", "a");
  RefusingLog log(*log_);
  log.Refuse({ErrorCode::kResourceExhausted, "log_full: no more than 1 GiB"});
  change::CompleteMark mark;
  ChangePump pump(feed_, log, mark, logger_);
  ASSERT_TRUE(pump.Start());
  EXPECT_EQ(pump.status().state, "waiting");
  EXPECT_EQ(mark.Get(), Position{}) << "what the log did not take is not complete";
  log.Allow();
  ASSERT_TRUE(mark.WaitFor({1, 1}, Deadline::After(std::chrono::seconds(30))));
  pump.Stop();
  EXPECT_EQ(pump.status().state, "running");
  EXPECT_EQ(Keys("orders"), (std::vector<std::string>{"a"}));
}

TEST_F(ChangePumpTest, AStopDoesNotWaitForTheBacklog) {
  for (int i = 0; i < 50; ++i) feed_.Add("orders", std::to_string(i));
  RefusingLog log(*log_);
  log.Refuse({ErrorCode::kResourceExhausted, "log_full: no more than 1 GiB"});
  std::promise<void> appending;
  log.OnAppend([&, first = true]() mutable {
    if (std::exchange(first, false)) appending.set_value();
    feed_.WaitUntilInterrupted();
  });
  change::CompleteMark mark;
  PumpOptions small;
  small.max_rows = 1;
  ChangePump pump(feed_, log, mark, logger_, small);
  ASSERT_TRUE(pump.Start());
  log.Allow();
  appending.get_future().wait();
  pump.Stop();
  EXPECT_LT(Keys("orders").size(), 10u);
  EXPECT_LT(mark.Get(), (Position{1, 50})) << "the rest is not complete";
}

TEST_F(ChangePumpTest, StopsWhenTheSourceWentBack) {
  feed_.Add("orders", "a");
  feed_.Add("orders", "b");
  {
    change::CompleteMark mark;
    ChangePump pump(feed_, *log_, mark, logger_);
    ASSERT_TRUE(pump.Start());
  }
  feed_.GoBackTo(1);
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  const auto status = pump.Start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.error().message().find("source_went_back"), std::string::npos);
}

TEST_F(ChangePumpTest, GoesOnWithARestoredSource) {
  feed_.Add("orders", "a");
  {
    change::CompleteMark mark;
    ChangePump pump(feed_, *log_, mark, logger_);
    ASSERT_TRUE(pump.Start());
  }
  feed_.Add("orders", "b");  // committed, and not in the log when the copy was made
  feed_.RaiseEpoch();
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  ASSERT_TRUE(pump.Start());
  EXPECT_EQ(mark.Get(), (Position{2, 2}));
  feed_.Add("orders", "c");
  ASSERT_TRUE(mark.WaitFor({2, 3}, Deadline::Never()));
  EXPECT_EQ(Keys("orders"), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ChangePumpTest, ALaterEpochDoesNotHideThatTheSourceWentBack) {
  feed_.Add("orders", "a");
  feed_.Add("orders", "b");
  {
    change::CompleteMark mark;
    ChangePump pump(feed_, *log_, mark, logger_);
    ASSERT_TRUE(pump.Start());
  }
  feed_.GoBackTo(1);
  feed_.RaiseEpoch();
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  const auto status = pump.Start();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("source_went_back"), std::string::npos);
}

TEST_F(ChangePumpTest, StopsWhenTheLogIsGone) {
  feed_.Add("orders", "a");
  {
    change::CompleteMark mark;
    ChangePump pump(feed_, *log_, mark, logger_);
    ASSERT_TRUE(pump.Start());  // and trims the feed
  }
  log_.reset();
  std::filesystem::remove_all(directory_);
  OpenLog();
  change::CompleteMark mark;
  ChangePump pump(feed_, *log_, mark, logger_);
  const auto status = pump.Start();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace millrace::capture
