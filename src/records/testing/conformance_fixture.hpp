#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "change/sums.hpp"
#include "records/change_feed.hpp"
#include "records/record_store.hpp"
#include "schema/record_codec.hpp"

namespace millrace::records::testing {

/// A clock that the test sets.
class ManualClock : public Clock {
 public:
  TimestampUs Now() const override { return now_.load(); }
  void Set(TimestampUs now) { now_.store(now); }
  void Advance(TimestampUs by) { now_.fetch_add(by); }

 private:
  std::atomic<TimestampUs> now_{1'700'000'000'000'000};
};

inline constexpr TimestampUs kHourUs = 3600ll * 1'000'000;

/// A store with its feed; destroying it closes both.
struct OpenStore {
  std::shared_ptr<void> owner;
  RecordStore* store = nullptr;
  ChangeFeed* feed = nullptr;
};

/// One place where data are kept, that can be opened again and again.
class Place {
 public:
  virtual ~Place() = default;
  virtual Result<OpenStore> Open(const std::vector<schema::Collection>& collections,
                                 const Clock& clock) = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

inline std::string AdapterName(const ::testing::TestParamInfo<Adapter>& info) {
  return info.param.name;
}

/// order_id (generated), customer_id, amount, status, note, tags; unique on
/// (customer_id, note).
inline schema::Collection Orders() {
  using schema::Kind;
  using schema::Type;
  schema::Collection out;
  out.name = "orders";
  out.key = "order_id";
  schema::Field key{.name = "order_id", .type = Type::Simple(Kind::kText)};
  key.generate = schema::Generate::kUuidV7;
  schema::Field customer{.name = "customer_id", .type = Type::Simple(Kind::kText)};
  customer.required = true;
  out.fields = {key,
                customer,
                {.name = "amount", .type = Type::Decimal(10, 2)},
                {.name = "status", .type = Type::Simple(Kind::kText)},
                {.name = "note", .type = Type::Simple(Kind::kText)},
                {.name = "details", .type = Type::Simple(Kind::kJson)}};
  out.unique = {{"customer_id", "note"}};
  out.indexes = {{"status", "_created_at"}, {"amount"}};
  return out;
}

/// id (sequence), name.
inline schema::Collection Counters() {
  using schema::Kind;
  schema::Collection out;
  out.name = "counters";
  out.key = "id";
  schema::Field key{.name = "id", .type = schema::Type::Simple(Kind::kBigint)};
  key.generate = schema::Generate::kSequence;
  out.fields = {key, {.name = "name", .type = schema::Type::Simple(Kind::kText)}};
  return out;
}

/// Keeps the writer inside a request until it ends: what is submitted meanwhile is one
/// group, as far as one takes it.
class HeldWriter {
 public:
  HeldWriter(RecordStore& store, WriteRequest request) {
    request.render = [this](const Result<std::vector<Written>>&) {
      entered_.set_value();
      go_.get_future().wait();
      return Answer{};
    };
    request.done = [this](Answer, bool) { done_.set_value(); };
    store.Submit(std::move(request));
    entered_.get_future().wait();
  }
  ~HeldWriter() {
    go_.set_value();
    done_.get_future().wait();
  }
  HeldWriter(const HeldWriter&) = delete;
  HeldWriter& operator=(const HeldWriter&) = delete;

 private:
  std::promise<void> entered_, go_, done_;
};

/// The outcome of a write as `render` saw it, and how it was answered.
struct Reply {
  Result<std::vector<Written>> written = Fail(ErrorCode::kInternal, "not rendered");
  Answer answer;
  bool rendered = false;
  bool replayed = false;

  bool ok() const { return written.has_value(); }
  ErrorCode code() const { return written.error().code(); }
  const Written& one() const { return written->front(); }
};

/// The text of a member's literal without quotes.
inline std::string Member(std::string_view document, std::string_view name) {
  auto literal = schema::FindMember(document, name);
  if (literal.size() >= 2 && literal.front() == '"') {
    literal = literal.substr(1, literal.size() - 2);
  }
  return std::string(literal);
}

class RecordsConformance : public ::testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    Open({Orders(), Counters()});
  }

  void Open(std::vector<schema::Collection> collections) {
    Close();
    codecs_.clear();
    for (const auto& collection : collections) {
      codecs_.emplace(collection.name, schema::RecordCodec(collection));
    }
    collections_ = std::move(collections);
    auto opened = place_->Open(collections_, clock_);
    ASSERT_TRUE(opened) << opened.error().ToString();
    open_ = std::move(*opened);
  }
  void Reopen() { Open(collections_); }
  void Close() { open_ = {}; }

  const schema::RecordCodec& codec(const std::string& collection) {
    return codecs_.at(collection);
  }

  template <typename Body>
  static WriteOp Op(const std::string& key, Body body, Operation operation) {
    WriteOp out;
    out.key = key;
    out.body = std::move(body);
    out.operation = operation;
    return out;
  }
  /// An object or an array of them.
  WriteRequest CreateRequest(const std::string& json,
                             const std::string& collection = "orders") {
    const auto padded = json + std::string(schema::kJsonPadding, ' ');
    bool batch = false;
    auto drafts =
        codec(collection).ParseCreates({padded.data(), json.size()}, 10'000, &batch);
    auto out = Request(std::vector<WriteOp>{}, collection);
    if (!drafts) {
      ADD_FAILURE() << drafts.error().ToString();
      return out;
    }
    for (auto& draft : *drafts) {
      const auto key = draft.key;
      out.ops.push_back(Op(key, std::move(draft), Operation::kInsert));
    }
    return out;
  }
  WriteOp PatchOp(const std::string& key, const std::string& json,
                  const std::string& collection = "orders") {
    const auto padded = json + std::string(schema::kJsonPadding, ' ');
    auto patch = codec(collection).ParsePatch({padded.data(), json.size()}, key);
    if (!patch) ADD_FAILURE() << patch.error().ToString();
    return Op(key, std::move(*patch), Operation::kUpdate);
  }
  WriteOp ReplaceOp(const std::string& key, const std::string& json) {
    const auto padded = json + std::string(schema::kJsonPadding, ' ');
    auto draft = codec("orders").ParseReplace({padded.data(), json.size()}, key);
    if (!draft) ADD_FAILURE() << draft.error().ToString();
    return Op(key, std::move(*draft), Operation::kReplace);
  }
  static WriteOp DeleteOp(const std::string& key) {
    return Op(key, Delete{}, Operation::kDelete);
  }
  WriteRequest Request(std::vector<WriteOp> ops,
                       const std::string& collection = "orders") {
    WriteRequest out;
    out.tenant = tenant_;
    out.collection = collection;
    out.ops = std::move(ops);
    return out;
  }
  WriteRequest Request(WriteOp op) {
    std::vector<WriteOp> ops;
    ops.push_back(std::move(op));
    return Request(std::move(ops));
  }
  static WriteRequest WithKey(WriteRequest request, const std::string& key,
                              std::uint64_t hash = 1,
                              const std::string& scope = "POST /orders") {
    request.idempotency = Idempotency{.key = key, .scope = scope, .request_hash = hash};
    return request;
  }

  /// The body of an answer is what was written or the error: replays show it again.
  std::future<Reply> Start(WriteRequest request) {
    struct State {
      std::promise<Reply> promise;
      Reply reply;
    };
    auto state = std::make_shared<State>();
    request.render = [state](const Result<std::vector<Written>>& written) {
      state->reply.rendered = true;
      state->reply.written = written;
      Answer answer{
          .status = written ? 200 : 400, .etag = {}, .location = {}, .body = {}};
      if (!written) {
        answer.body = written.error().ToString();
        return answer;
      }
      answer.etag = written->front().version.ToHex();
      answer.location = "/" + written->front().key;
      for (const auto& one : *written) answer.body += one.document;
      return answer;
    };
    request.done = [state](Answer answer, bool replayed) {
      state->reply.answer = std::move(answer);
      state->reply.replayed = replayed;
      state->promise.set_value(std::move(state->reply));
    };
    auto future = state->promise.get_future();
    open_.store->Submit(std::move(request));
    return future;
  }
  Reply Write(WriteRequest request) { return Start(std::move(request)).get(); }
  Reply Create(const std::string& json, const std::string& collection = "orders") {
    return Write(CreateRequest(json, collection));
  }
  /// A record that only its key and customer tell apart.
  Reply CreateOrder(const std::string& key, const std::string& more = {}) {
    return Create(OrderJson(key, more));
  }
  static std::string OrderJson(const std::string& key, const std::string& more = {}) {
    return R"({"order_id":")" + key + R"(","customer_id":"c-)" + key + R"(")" + more +
           "}";
  }
  Result<Stored> Get(const std::string& key, const std::string& collection = "orders") {
    return open_.store->Get(tenant_, collection, key);
  }

  /// All changes from the beginning or after a position.
  std::vector<Change> Changes(Position after = {}, std::uint32_t max_rows = 100'000) {
    auto batch = open_.feed->Read(after, max_rows, 1u << 30u);
    if (!batch) {
      ADD_FAILURE() << batch.error().ToString();
      return {};
    }
    kept_.push_back(std::move(*batch));
    return kept_.back().changes;
  }
  HistorySum SumOf(const std::string& collection) {
    auto sums = open_.store->Sums();
    if (!sums) {
      ADD_FAILURE() << sums.error().ToString();
      return {};
    }
    for (auto& sum : *sums) {
      if (sum.collection == collection) return sum;
    }
    return {};
  }

  ManualClock clock_;
  std::string tenant_;
  std::unique_ptr<Place> place_;
  OpenStore open_;

 private:
  std::map<std::string, schema::RecordCodec> codecs_;
  std::vector<schema::Collection> collections_;
  std::vector<ChangeBatch> kept_;  ///< owns what Changes returned
};

}  // namespace millrace::records::testing
