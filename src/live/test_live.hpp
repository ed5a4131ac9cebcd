#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "capture/change_pump.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "live/hub.hpp"
#include "records_embedded/embedded_records.hpp"
#include "schema/record_codec.hpp"

namespace millrace::live::testing {

/// Long enough never to matter unless something hangs.
inline Deadline TestDeadline() { return Deadline::After(std::chrono::seconds(30)); }

/// id (text), n (integer), name (text), amount (decimal).
inline schema::Collection Things() {
  using schema::Kind;
  schema::Collection out;
  out.name = "things";
  out.key = "id";
  out.fields = {{.name = "id", .type = schema::Type::Simple(Kind::kText)},
                {.name = "n", .type = schema::Type::Simple(Kind::kInteger)},
                {.name = "name", .type = schema::Type::Simple(Kind::kText)},
                {.name = "amount", .type = schema::Type::Decimal(8, 2)}};
  return out;
}

struct Got {
  Kind kind;
  Version id;
  std::string data;
};

/// A client that keeps a map by the four rules. Its connection takes `room` messages
/// until the test takes them out.
class Client : public Sink, public std::enable_shared_from_this<Client> {
 public:
  explicit Client(std::size_t room = 1'000'000) : room_(room) {}
  /// One that has had this message, and nothing else.
  explicit Client(const Version& last) : room_(1'000'000), last_(last) {}

  bool Send(Message& message) override {
    const std::scoped_lock lock(mutex_);
    if (cut_ || got_.size() >= room_) return false;
    got_.push_back({message.kind(), message.id(), std::string(message.data())});
    came_.notify_all();
    return true;
  }
  std::size_t unsent() const override {
    const std::scoped_lock lock(mutex_);
    return got_.size() >= room_ ? std::size_t{1} << 40u : 0;
  }
  void Cut() override {
    {
      const std::scoped_lock lock(mutex_);
      cut_ = true;
      came_.notify_all();
    }
    Close();
  }

  void Opened(Result<Version> behind, SinkEvents events) {
    bool gone = false;
    {
      const std::scoped_lock lock(mutex_);
      events_ = std::move(events);
      opened_ = std::move(behind);
      gone = cut_;
      came_.notify_all();
    }
    if (gone) Close();
  }
  Result<Version> WaitUntilOpen() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        came_.wait_until(lock, TestDeadline().at(), [&] { return opened_.has_value(); }));
    return *opened_;
  }
  bool WaitUntilCut() {
    std::unique_lock lock(mutex_);
    return came_.wait_until(lock, TestDeadline().at(), [&] { return cut_; });
  }
  /// The next message, applied to the map. Kind::kReset with no data when none comes.
  Got Next() {
    Got got{Kind::kReset, {}, ""};
    bool was_full = false;
    {
      std::unique_lock lock(mutex_);
      if (!came_.wait_until(lock, TestDeadline().at(), [&] { return !got_.empty(); })) {
        ADD_FAILURE() << "no message came";
        return got;
      }
      was_full = got_.size() >= room_;
      got = got_.front();
      got_.erase(got_.begin());
    }
    if (was_full) events_.on_drained();
    Apply(got);
    return got;
  }
  std::vector<Got> Until(Kind kind) {
    std::vector<Got> out{Next()};
    while (out.back().kind != kind && !HasFailure()) out.push_back(Next());
    return out;
  }
  /// The client goes; what it has not read is lost.
  void Close() {
    std::function<void()> closed;
    {
      const std::scoped_lock lock(mutex_);
      cut_ = true;
      closed = std::exchange(events_.on_closed, nullptr);
    }
    if (closed) closed();
  }
  std::optional<Version> passed() { return events_.passed(); }

  const std::map<std::string, std::string>& map() const { return map_; }
  std::optional<Version> last() const { return last_; }
  /// As one that comes back.
  std::shared_ptr<Client> Again(std::size_t room = 1'000'000) const {
    auto next = std::make_shared<Client>(room);
    next->map_ = map_;
    next->last_ = last_;
    return next;
  }

 private:
  static bool HasFailure() { return ::testing::Test::HasFailure(); }
  void Apply(const Got& got) {
    // Resumed or not: ids rise, but for a reset, which begins anew.
    if (last_ && got.kind != Kind::kReset) EXPECT_GE(got.id, *last_);
    last_ = got.id;
    if (got.kind == Kind::kReset) map_.clear();
    if (got.kind == Kind::kRecord) {
      map_[schema::TextOf(schema::FindMember(got.data, "id"))] = got.data;
    }
    if (got.kind == Kind::kRemove) {
      map_.erase(schema::TextOf(schema::FindMember(got.data, "key")));
    }
  }

  const std::size_t room_;
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Got> got_;
  bool cut_ = false;
  std::optional<Result<Version>> opened_;
  SinkEvents events_;
  std::map<std::string, std::string> map_;
  std::optional<Version> last_;
};

/// A record store, a log, capture and a hub, in a fresh directory.
class LiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("mr_live_" + std::to_string(::getpid()) + "_" +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    Open();
  }
  void TearDown() override {
    CloseAll();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    auto records = records::EmbeddedRecords::Open(
        {.directory = directory_ / "records", .collections = {Things()}});
    ASSERT_TRUE(records) << records.error().ToString();
    records_ = std::move(*records);
    auto log = eventlog::OpenEmbedded({.directory = directory_ / "log",
                                       .segment_bytes = segment_bytes_,
                                       .max_bytes = max_log_bytes_});
    ASSERT_TRUE(log) << log.error().ToString();
    log_ = std::move(*log);
    mark_ = std::make_unique<change::CompleteMark>();
    pump_ = std::make_unique<capture::ChangePump>(*records_, *log_, *mark_, logger_);
    ASSERT_TRUE(pump_->Start());
    hub_ = std::make_unique<Hub>(
        HubParts{*records_, *records_, *log_, *mark_, logger_, metrics_});
  }
  void CloseAll() {
    if (hub_) hub_->Stop();
    for (const auto& client : clients_) client->Close();
    clients_.clear();
    hub_.reset();
    if (pump_) pump_->Stop();
    pump_.reset();
    log_.reset();
    records_.reset();
  }

  void Subscribe(const std::shared_ptr<Client>& client, const std::string& raw,
                 bool snapshot, const query::Condition& visible = {}) {
    auto query = query::Parse(raw, "things", Things().DocumentColumns(), "id");
    ASSERT_TRUE(query) << query.error().ToString();
    query->visible = visible;
    Subscription wanted;
    wanted.collection = Things();
    wanted.view = std::make_shared<const View>(std::move(*query), Things());
    wanted.snapshot = snapshot;
    wanted.last = client->last();
    wanted.open = [client](Result<Version> behind,
                           SinkEvents events) -> std::shared_ptr<Sink> {
      const bool open = behind.has_value();
      client->Opened(std::move(behind), std::move(events));
      return open ? client : nullptr;
    };
    clients_.push_back(client);
    hub_->Subscribe(std::move(wanted));
  }
  std::shared_ptr<Client> Subscribe(const std::string& raw, bool snapshot = true) {
    auto client = std::make_shared<Client>();
    Subscribe(client, raw, snapshot);
    return client;
  }

  /// Its version; {} if it was refused.
  Version Submit(records::WriteOp op) {
    std::promise<Version> version;
    records::WriteRequest write;
    write.collection = "things";
    write.ops.push_back(std::move(op));
    Version made;
    write.render = [&](const Result<std::vector<records::Written>>& written) {
      if (written) made = written->front().version;
      return records::Answer{};
    };
    write.done = [&](records::Answer, bool) { version.set_value(made); };
    records_->Submit(std::move(write));
    return version.get_future().get();
  }
  Version Put(const std::string& key, const std::string& more) {
    std::string body = R"({"id":")" + key + "\"" + more + "}";
    body.reserve(body.size() + schema::kJsonPadding);
    records::WriteOp op;
    op.key = key;
    const bool exists = records_->Get("", "things", key).has_value();
    op.operation = exists ? records::Operation::kReplace : records::Operation::kInsert;
    if (exists) {
      op.body = codec_.ParseReplace(body, key).value();
    } else {
      bool batch = false;
      op.body = std::move(codec_.ParseCreates(body, 1, &batch).value().front());
    }
    return Submit(std::move(op));
  }
  Version Remove(const std::string& key) {
    records::WriteOp op;
    op.key = key;
    op.body = records::Delete{};
    op.operation = records::Operation::kDelete;
    return Submit(std::move(op));
  }

  /// What the store says that such a client has.
  std::map<std::string, std::string> Listed(const std::string& raw) {
    const auto query =
        query::Parse(raw + "&limit=1000", "things", Things().DocumentColumns(), "id");
    const auto page = records_->List("", "things", *query, TestDeadline());
    std::map<std::string, std::string> out;
    for (const auto& document : page->documents) {
      out[schema::TextOf(schema::FindMember(document, "id"))] = document;
    }
    return out;
  }

  std::filesystem::path directory_;
  std::uint64_t segment_bytes_ = 64u << 20u, max_log_bytes_ = 0;
  const schema::RecordCodec codec_{Things()};
  telemetry::Logger logger_{{.level = telemetry::Level::kError}};
  telemetry::Registry metrics_;
  std::unique_ptr<records::EmbeddedRecords> records_;
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<change::CompleteMark> mark_;
  std::unique_ptr<capture::ChangePump> pump_;
  std::unique_ptr<Hub> hub_;
  std::vector<std::shared_ptr<Client>> clients_;
};

}  // namespace millrace::live::testing
