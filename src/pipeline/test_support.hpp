#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "change/complete_mark.hpp"
#include "eventlog/event_log.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/pipelines.hpp"
#include "pipeline/snapshots.hpp"
#include "records/record_store.hpp"
#include "sql/engine.hpp"

namespace millrace::pipeline {

/// A log in memory, with what a test needs to say of retention.
class MemoryLog : public eventlog::EventLog, public eventlog::LogRetention {
 public:
  Result<Offset> Append(const eventlog::EventBatch& batch, Deadline) override;
  Result<Position> LastPosition(const StreamId& stream, const std::string&) override;
  Result<eventlog::RecordBatch> Read(const StreamId& stream, Offset from,
                                     std::uint32_t max_records,
                                     std::uint64_t max_bytes) override;
  /// Each event added alone is an append, at the position of its commit.
  Result<eventlog::RecordBatch> Find(const StreamId& stream, const std::string&,
                                     const Position& position) override;
  Result<std::vector<eventlog::StreamInfo>> Streams() override { return {}; }
  Result<eventlog::StreamInfo> Stream(const StreamId& stream) override;
  bool WaitFor(const StreamId& stream, Offset beyond, Deadline deadline) override;
  void Interrupt(const StreamId* stream) override;
  void SetReader(const std::string& reader, const StreamId& stream, Offset next) override;
  void RemoveReader(const std::string& reader, const StreamId& stream) override;

  void Add(const std::string& stream, std::string body, Position at = {});
  /// Retention passes everything below `first`.
  void Trim(const std::string& stream, Offset first);
  std::map<std::string, Offset> readers() const;
  /// A new process: waits work again.
  void Reset();
  std::atomic<int> failing_reads{0};  ///< so many of Read are kUnavailable

 private:
  struct Events {
    Offset first = 0;
    std::vector<std::string> bodies;  ///< from offset 0 on
    std::vector<Position> upto;       ///< of the appends that brought them
    Position last;
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool interrupted_ = false;
  std::uint64_t interrupts_ = 0;
  std::map<std::string, Events> streams_;
  std::map<std::string, Offset> readers_;
};

/// A sink in memory that fails when told to. What it holds outlives it: a test gives the
/// same store to the next one.
struct SinkStore {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Offset> position;
  std::map<Offset, std::string> rows;        ///< JSON by `_offset`
  std::map<Offset, std::string> tombstones;  ///< JSON
  std::vector<std::pair<Offset, Offset>> writes;
  std::vector<Offset> starts;
  std::vector<std::string> gaps;  ///< why
  schema::Columns columns;
  /// Asked before each Write with its number (from 1).
  std::function<Status(int)> before_write;
  int attempts = 0;
  bool rolls = false;  ///< rows are committed by Flush alone
  std::chrono::milliseconds roll_every{3'600'000};
  int flushes = 0;

  void WaitForPosition(Offset next);
};

class StoreSink : public Sink {
 public:
  explicit StoreSink(std::shared_ptr<SinkStore> store) : store_(std::move(store)) {}
  Result<std::optional<Offset>> Open(const schema::Columns& output) override;
  Status Start(Offset first) override;
  Status Write(SinkBatch batch) override;
  Status Skip(Offset next, const std::string& why) override;
  Offset committed() const override;
  std::optional<Offset> Stored() override;
  std::optional<std::chrono::steady_clock::time_point> due() const override;
  Status Flush() override;

 private:
  Status Commit();
  std::shared_ptr<SinkStore> store_;  // the test reads it while the lane writes
  std::map<Offset, std::string> rows_, tombstones_;
  Offset next_ = 0;
  std::optional<std::chrono::steady_clock::time_point> due_;
};

/// Records by collection and key, for Scan alone.
class MemoryRecords : public records::RecordStore {
 public:
  struct One {
    Version version;
    std::string document;
  };
  void Submit(records::WriteRequest) override {}
  Result<records::Stored> Get(const std::string&, const std::string&,
                              const std::string&) override {
    return Fail(ErrorCode::kNotFound, "no");
  }
  Result<records::Page> List(const std::string&, const std::string&, const query::Query&,
                             Deadline) override {
    return records::Page();
  }
  Result<std::vector<records::KeyVersion>> ListVersions(const std::string&,
                                                        const std::string&,
                                                        const query::Query&, Version,
                                                        Version, std::uint32_t,
                                                        Deadline) override {
    return std::vector<records::KeyVersion>();
  }
  Result<Position> Scan(const std::string& collection,
                        const records::ScanEach& each) override;
  Result<std::vector<records::HistorySum>> Sums() override {
    return std::vector<records::HistorySum>();
  }

  std::map<std::string, std::map<std::string, One>> all;
  Position end{1, 0};
  int scans = 0;
  std::function<void()> in_scan;  ///< before the second record: somebody writes
};

/// A collection, its changes in the log, and a pipeline on it.
class PipelineFixture {
 public:
  PipelineFixture();
  ~PipelineFixture();

  /// orders(order_id text key, customer_id text, amount decimal(10,2) required,
  /// status text, note text, tags text[], extra json), customers(customer_id text key,
  /// name text, email text unique, credit bigint).
  std::map<std::string, schema::Collection, std::less<>> collections;
  project::Pipeline pipeline;  ///< orders, no lookups; sql, sinks to be set
  sql::Engine* engine;         ///< one for the whole program
  MemoryLog log;
  MemoryRecords records;
  Snapshots snapshots{records, "records", log};
  change::CompleteMark mark;
  telemetry::Registry metrics;
  telemetry::Logger logger;
  std::unique_ptr<StateDb> state;
  std::filesystem::path data;

  void SetSql(std::string text);
  void AddRule(std::string text);
  void AddTable(const std::string& name, const std::string& key,
                project::OnDelete on_delete = project::OnDelete::kDelete);
  void AddLake(const std::string& path);
  void AddCustomers(const std::string& on = "customer_id",
                    const std::string& change_column = "customer_id");
  /// The compiled pipeline; a test failure when it does not compile.
  CompiledPipeline Compile();
  /// All problems as "line:column message", or empty.
  std::vector<std::string> Problems();

  /// Appends a change; documents without system fields, empty for none. Gives its
  /// version's position.
  std::uint64_t Change(const std::string& collection, char op, const std::string& key,
                       const std::string& before, const std::string& after);
  std::uint64_t Insert(const std::string& collection, const std::string& key,
                       const std::string& fields) {
    return Change(collection, 'c', key, "", fields);
  }
  static std::string Order(const std::string& id, const std::string& customer,
                           const std::string& amount, const std::string& note = "x");
  static std::string Customer(const std::string& id, const std::string& name,
                              const std::string& email = "e");

  Services services();
  SinkFactory factory(std::map<std::string, std::shared_ptr<SinkStore>>& stores);
  /// Runs to the end of the log of now.
  PipelineStatus RunToEnd(std::map<std::string, std::shared_ptr<SinkStore>>& stores);

 private:
  std::uint64_t position_ = 0;
};

}  // namespace millrace::pipeline
