#include "test_support.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "change/envelope.hpp"

namespace millrace::pipeline {

Result<Position> MemoryLog::LastPosition(const StreamId& stream, const std::string&) {
  const std::lock_guard lock(mutex_);
  return streams_[stream.name].last;
}

Result<Offset> MemoryLog::Append(const eventlog::EventBatch& batch, Deadline) {
  {
    const std::lock_guard lock(mutex_);
    Events& events = streams_[batch.stream.name];
    if (events.last != batch.after) return Fail(ErrorCode::kConflict, "another position");
    events.last = batch.upto;
  }
  for (const auto body : batch.bodies) {
    Add(batch.stream.name, std::string(body), batch.upto);
  }
  return Stream(batch.stream)->next;
}

Result<eventlog::RecordBatch> MemoryLog::Find(const StreamId& stream, const std::string&,
                                              const Position& position) {
  Offset from = 0;
  std::uint32_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    const Events& events = streams_[stream.name];
    const auto begin = std::ranges::lower_bound(events.upto, position);
    if (begin == events.upto.end()) return eventlog::RecordBatch();
    const auto end = std::ranges::upper_bound(events.upto, *begin);
    from = static_cast<Offset>(begin - events.upto.begin());
    count = static_cast<std::uint32_t>(end - begin);
  }
  return Read(stream, from, count, std::uint64_t{1} << 40u);
}

Result<Position> MemoryRecords::Scan(const std::string& collection,
                                     const records::ScanEach& each) {
  ++scans;
  const Position upto = end;
  const auto rows = all[collection];
  bool first = true;
  for (const auto& [key, one] : rows) {
    if (!std::exchange(first, false) && in_scan) std::exchange(in_scan, nullptr)();
    if (!each({key, one.version, one.document, upto})) break;
  }
  return upto;
}

void MemoryLog::Add(const std::string& stream, std::string body, Position at) {
  const std::lock_guard lock(mutex_);
  streams_[stream].bodies.push_back(std::move(body));
  streams_[stream].upto.push_back(at);
  changed_.notify_all();
}

Result<eventlog::RecordBatch> MemoryLog::Read(const StreamId& stream, Offset from,
                                              std::uint32_t max_records,
                                              std::uint64_t max_bytes) {
  const std::lock_guard lock(mutex_);
  if (failing_reads > 0 && failing_reads-- > 0) {
    return Fail(ErrorCode::kUnavailable, "the disk is away");
  }
  const Events& events = streams_[stream.name];
  if (from < events.first || from > events.bodies.size()) {
    return Fail(ErrorCode::kOutOfRange, "no such offset");
  }
  std::size_t bytes = 0;
  Offset end = from;
  while (end < events.bodies.size() && end - from < max_records &&
         (end == from || bytes + events.bodies[end].size() <= max_bytes)) {
    bytes += events.bodies[end++].size() + eventlog::RecordBatch::kReadableAfter;
  }
  auto memory = std::make_unique<char[]>(bytes + 1);
  std::vector<eventlog::Record> records;
  char* to = memory.get();
  for (Offset at = from; at < end; ++at) {
    const std::string& body = events.bodies[at];
    std::memcpy(to, body.data(), body.size());
    records.push_back({at, {to, body.size()}});
    to += body.size() + eventlog::RecordBatch::kReadableAfter;
  }
  return eventlog::RecordBatch(from, std::move(memory), std::move(records));
}

Result<eventlog::StreamInfo> MemoryLog::Stream(const StreamId& stream) {
  const std::lock_guard lock(mutex_);
  const Events& events = streams_[stream.name];
  return eventlog::StreamInfo{stream, events.first, events.bodies.size(), 0};
}

bool MemoryLog::WaitFor(const StreamId& stream, Offset beyond, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto there = [&] { return streams_[stream.name].bodies.size() > beyond; };
  const auto ready = [&, before = interrupts_] {
    return interrupted_ || interrupts_ != before || there();
  };
  if (deadline.at() == Deadline::Steady::time_point::max()) {
    changed_.wait(lock, ready);
  } else {
    changed_.wait_until(lock, deadline.at(), ready);
  }
  return there();
}

void MemoryLog::Interrupt(const StreamId* stream) {
  const std::lock_guard lock(mutex_);
  ++interrupts_;
  if (stream == nullptr) interrupted_ = true;
  changed_.notify_all();
}

void MemoryLog::Reset() {
  const std::lock_guard lock(mutex_);
  interrupted_ = false;
}

void MemoryLog::Trim(const std::string& stream, Offset first) {
  const std::lock_guard lock(mutex_);
  streams_[stream].first = first;
}

void MemoryLog::SetReader(const std::string& reader, const StreamId& stream,
                          Offset next) {
  const std::lock_guard lock(mutex_);
  readers_[reader + "@" + stream.name] = next;
}

void MemoryLog::RemoveReader(const std::string& reader, const StreamId& stream) {
  const std::lock_guard lock(mutex_);
  readers_.erase(reader + "@" + stream.name);
}

std::map<std::string, Offset> MemoryLog::readers() const {
  const std::lock_guard lock(mutex_);
  return readers_;
}

namespace {

schema::Field FieldOf(const std::string& name, const std::string& type,
                      bool required = false) {
  schema::Field field;
  field.name = name;
  field.type = *schema::Type::Parse(type);
  field.required = required;
  return field;
}

/// One for the whole program: opening it takes most of a short test's time.
sql::Engine& SharedEngine() {
  static const auto engine = std::move(*sql::Engine::Open({}));
  return *engine;
}

}  // namespace

PipelineFixture::PipelineFixture() : engine(&SharedEngine()), logger({.fd = -1}) {
  schema::Collection orders;
  orders.name = "orders";
  orders.key = "order_id";
  orders.fields = {FieldOf("order_id", "text"),
                   FieldOf("customer_id", "text"),
                   FieldOf("amount", "decimal(10,2)", true),
                   FieldOf("status", "text"),
                   FieldOf("note", "text"),
                   FieldOf("tags", "text[]"),
                   FieldOf("extra", "json")};
  schema::Collection customers;
  customers.name = "customers";
  customers.key = "customer_id";
  customers.fields = {FieldOf("customer_id", "text"), FieldOf("name", "text"),
                      FieldOf("email", "text"), FieldOf("credit", "bigint")};
  customers.unique = {{"email"}};
  collections = {{"orders", orders}, {"customers", customers}};
  pipeline.name = "p";
  pipeline.collection = "orders";
  pipeline.max_wait_ms = 1;
  pipeline.place = {"pipelines/p.yaml", 1, 1};
  std::string name = (std::filesystem::temp_directory_path() / "mr_pipeline_XXXXXX");
  data = mkdtemp(name.data());
  state = std::move(*StateDb::Open(data));
}

PipelineFixture::~PipelineFixture() {
  state.reset();
  std::filesystem::remove_all(data);
}

void PipelineFixture::SetSql(std::string text) {
  pipeline.sql = {std::move(text), {"pipelines/p.yaml", 10, 3}, 2, true};
}

void PipelineFixture::AddRule(std::string text) {
  pipeline.require.push_back({std::move(text), {"pipelines/p.yaml", 5, 12}, 0, true});
}

void PipelineFixture::AddTable(const std::string& name, const std::string& key,
                               project::OnDelete on_delete) {
  pipeline.sinks.push_back({"table." + name,
                            project::TableSink{name, key, on_delete, {}, {}, {}},
                            {},
                            {"pipelines/p.yaml", 30, 5}});
}

void PipelineFixture::AddLake(const std::string& path) {
  project::LakeSink lake;
  lake.path = path;
  pipeline.sinks.push_back({"lake." + path, lake, {}, {"pipelines/p.yaml", 31, 5}});
}

void PipelineFixture::AddCustomers(const std::string& on,
                                   const std::string& change_column) {
  project::Lookup lookup;
  lookup.name = "customers";
  lookup.collection = "customers";
  lookup.on = {{on, change_column}};
  pipeline.lookups.push_back(lookup);
}

CompiledPipeline PipelineFixture::Compile() {
  auto compiled = CompilePipeline(pipeline, collections, *engine);
  if (compiled) return std::move(*compiled);
  for (const auto& problem : compiled.error()) {
    ADD_FAILURE() << project::Format(problem);
  }
  std::abort();
}

std::vector<std::string> PipelineFixture::Problems() {
  std::vector<std::string> problems;
  auto compiled = CompilePipeline(pipeline, collections, *engine);
  if (compiled) return problems;
  for (const auto& problem : compiled.error()) {
    problems.push_back(std::to_string(problem.line) + ":" +
                       std::to_string(problem.column) + " " + problem.message);
  }
  return problems;
}

std::uint64_t PipelineFixture::Change(const std::string& collection, char op,
                                      const std::string& key, const std::string& before,
                                      const std::string& after) {
  const std::uint64_t at = ++position_;
  change::Event event;
  event.version = {1, at, 0};
  const auto document = [&](const std::string& fields, std::uint64_t version) {
    if (fields.empty()) return std::string();
    return "{" + fields +
           ",\"_created_at\":\"2013-01-01T05:00:00Z\",\"_updated_at\":"
           "\"2013-01-01T06:00:00.000250Z\",\"_version\":\"" +
           Version{1, version, 0}.ToHex() + "\"}";
  };
  const std::string old = document(before, at - 1);
  const std::string now = document(after, at);
  event.before = old;
  event.after = now;
  event.source = "records";
  event.collection = collection;
  event.key = key;
  event.op = op;
  event.operation = op == 'c' ? "insert" : op == 'd' ? "delete" : "update";
  event.committed_at = 1'357'016'400'000'000 + static_cast<TimestampUs>(at);
  std::string body;
  change::AppendEnvelope(body, event);
  log.Add(collection, std::move(body), {1, at});
  records.end = {1, at};
  if (op == 'd') {
    records.all[collection].erase(key);
  } else {
    records.all[collection][key] = {event.version, now};
  }
  mark.Raise({1, at});
  return at;
}

std::string PipelineFixture::Order(const std::string& id, const std::string& customer,
                                   const std::string& amount, const std::string& note) {
  return R"("order_id":")" + id + R"(","customer_id":)" +
         (customer.empty() ? "null" : "\"" + customer + "\"") + R"(,"amount":")" +
         amount + R"(","status":"new","note":")" + note +
         R"(","tags":["a","b"],"extra":{"n":1})";
}

std::string PipelineFixture::Customer(const std::string& id, const std::string& name,
                                      const std::string& email) {
  return R"("customer_id":")" + id + R"(","name":")" + name + R"(","email":")" + email +
         R"(","credit":7)";
}

Services PipelineFixture::services() {
  return {log,    log,     mark,          *engine, *state,
          logger, metrics, SystemClock(), data,    snapshots};
}

SinkFactory PipelineFixture::factory(
    std::map<std::string, std::shared_ptr<SinkStore>>& stores) {
  return
      [&stores](const CompiledPipeline&, const CompiledSink&, const project::Sink& sink,
                std::uint32_t partition) -> Result<std::unique_ptr<Sink>> {
        const std::string suffix = partition == 0 ? "" : "#" + std::to_string(partition);
        auto& store = stores[sink.name + suffix];
        if (store == nullptr) store = std::make_shared<SinkStore>();
        return std::make_unique<StoreSink>(store);
      };
}

PipelineStatus PipelineFixture::RunToEnd(
    std::map<std::string, std::shared_ptr<SinkStore>>& stores) {
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(Compile());
  Options options;
  options.first_retry = std::chrono::milliseconds(1);
  Pipelines pipelines(std::move(compiled), services(), options);
  auto status = pipelines.Run("p", {}, factory(stores));
  EXPECT_TRUE(status) << status.error().ToString();
  return *status;
}

}  // namespace millrace::pipeline
