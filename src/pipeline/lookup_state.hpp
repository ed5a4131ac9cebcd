#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "change/complete_mark.hpp"
#include "change/envelope.hpp"
#include "document_decoder.hpp"
#include "eventlog/event_log.hpp"
#include "lookup_cache.hpp"
#include "lookup_store.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/state_db.hpp"
#include "records/record_store.hpp"
#include "telemetry/log.hpp"

namespace millrace::pipeline {

/// What lookups are made from and where they live.
struct LookupServices {
  eventlog::EventLog& log;
  eventlog::LogRetention& retention;
  const change::CompleteMark& mark;
  records::RecordStore& records;  ///< for what the log has dropped
  StateDb& state;
  telemetry::Logger& logger;
  std::filesystem::path directory;       ///< <data>/lookups
  std::size_t cache_bytes = 64u << 20u;  ///< of each state
  /// Of the thread that feeds it: doubled up to the last.
  std::chrono::milliseconds first_retry{50}, last_retry{10'000};
};

/// Where a lane is that reads a lookup.
struct LookupUser {
  StreamId stream;       ///< that the lane reads
  Offset committed = 0;  ///< by its sink
  /// It reads as of versions from here on; nullopt: newer than all there are.
  std::optional<Version> low;
};

/// Keyed state of one collection by one set of columns, shared by all lanes that look it
/// up. It is brought forward by the lane that needs it, in that lane's thread, and by a
/// thread of its own when a quiet lane has left it far behind; a quiet system does
/// nothing. Where the log has dropped what it was to be built from, it begins with the
/// records as they are, and is exact as of every version that the log still reaches back
/// to. Any thread; a lane holds Lock() while it reads.
class LookupState {
 public:
  /// `on`: document columns, ascending. `columns`: those that any lane reads, ascending.
  LookupState(schema::Collection collection, std::vector<std::size_t> on,
              std::vector<std::size_t> columns, LookupServices services);

  /// "customers__customer_id": also the file's name.
  const std::string& name() const { return name_; }
  /// Opens the file and reports the position as a reader of the log.
  Status Open();
  /// The slot of a document column in LookupRow.
  std::size_t SlotOf(std::size_t column) const;

  /// Reads on by itself whenever it is thousands of events behind, until the log is
  /// interrupted; the destructor waits for that. What fails is tried again, but for what
  /// cannot be helped: that is logged.
  void StartFeeding();

  /// A `low` below what was collected: the state is built again, by the next CatchUp.
  Status SetUser(const std::string& user, const LookupUser& at);
  /// Says that `user` will read, before it knows from where on: nothing is collected.
  void AddUser(const std::string& user);
  /// It reads no more; unknown ones are fine.
  void RemoveUser(const std::string& user);

  /// Consumes the stream until it holds everything up to `position`, for which the mark
  /// must stand already. kUnavailable: retention took what was not consumed yet; called
  /// again it is built from the records.
  Status CatchUp(Position position);
  /// Consumes all that is in the stream now.
  Status CatchUpToEnd();

  [[nodiscard]] std::unique_lock<std::mutex> Lock() { return std::unique_lock(mutex_); }
  /// The row of `key` as of `version` (newest when `now`), nullptr: none. Under Lock().
  Result<const LookupRow*> Find(std::string_view key, const Version& version, bool now);
  /// Before Find, for speed alone: see LookupCache::Warm. Under Lock().
  void Warm(std::uint64_t hash, int step) const { cache_.Warm(hash, step); }
  /// Makes the state durable; the log may drop what it consumed.
  Status Checkpoint();

 private:
  Status Consume();
  /// Empties the state and makes it that of the records, under the versions of their last
  /// changes; the log is read from `first` on over them.
  Status Refill(Offset first);
  Result<std::uint64_t> PutRecords();
  /// Of a log that is cut: what the record was before its first change that is left.
  Status PutBefore(const change::Event& event);
  std::string_view Pad(std::string_view document);
  Status Apply(const eventlog::RecordBatch& batch);
  Status ApplyEvent(const eventlog::Record& record);
  Status PutVersion(std::string_view key, const Version& version,
                    std::string_view document, bool first);
  Result<bool> KeyOf(std::string_view document, const eventlog::Record& record,
                     std::string& key);
  Status Refuse(const eventlog::Record& record, std::string reason);
  LookupRow Decode(const Version& version, std::string_view document);
  Version LowWater() const;
  void RaiseIdleUsers(Position mark);
  void Feed(const std::stop_token& stop);
  Status CheckpointLocked();

  const schema::Collection collection_;
  const std::vector<std::size_t> on_, columns_;
  LookupServices services_;
  std::string name_;
  StreamId stream_;

  std::mutex mutex_;
  LookupStore store_;
  LookupCache cache_;
  bool log_is_cut_ = false;
  bool all_cached_ = false;  ///< what the cache lacks, the store lacks too
  DocumentDecoder key_decoder_, row_decoder_;
  std::map<std::string, std::optional<LookupUser>> users_;
  Position complete_;           ///< everything up to here is in the state
  std::uint64_t stale_ = 0;     ///< versions that a sweep may find
  std::uint64_t unsynced_ = 0;  ///< events since the last checkpoint
  std::string key_, old_key_, padded_;
  std::condition_variable_any stopping_;
  std::jthread feeder_;  ///< ends first
};

/// All lookup states of a running set of pipelines, by collection and columns.
class LookupSet {
 public:
  explicit LookupSet(LookupServices services) : services_(std::move(services)) {}
  /// Makes a state for each lookup of these pipelines; files of others are removed.
  Status Open(const std::vector<CompiledPipeline>& pipelines);
  void StartFeeding();
  LookupState& Of(const CompiledLookup& lookup);
  /// Keeps what a redrive of the sink's waiting letters would look up, as of their
  /// changes. After each change of these letters, and before what they need may be
  /// collected. Any thread.
  Status HoldForLetters(const CompiledPipeline& pipeline, const std::string& sink);
  /// On a clean stop.
  Status Checkpoint();

 private:
  LookupServices services_;
  std::map<std::string, std::unique_ptr<LookupState>> states_;
  std::mutex holding_;  ///< the look at the letters and what follows from it
};

/// Lookup-side document columns, ascending.
std::vector<std::size_t> LookupColumns(const CompiledLookup& lookup);
std::string LookupName(const schema::Collection& collection,
                       const std::vector<std::size_t>& on);

}  // namespace millrace::pipeline
