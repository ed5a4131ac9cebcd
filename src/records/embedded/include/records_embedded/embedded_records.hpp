#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/copy.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "records/change_feed.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"

namespace millrace::telemetry {
class Logger;
class Registry;
}  // namespace millrace::telemetry

namespace millrace::records {

struct EmbeddedRecordsOptions {
  std::filesystem::path directory;  ///< holds records.db; created when absent
  std::vector<schema::Collection> collections;
  std::string source = "records";  ///< name in event ids; fixed with the first Open
  std::size_t group_max = 512;     ///< requests in one commit
  std::size_t queue_max = 8192;    ///< requests waiting; beyond: kResourceExhausted
  std::uint64_t queue_max_bytes = 64u << 20u;  ///< of their documents
  std::uint64_t tail_bytes = 8u << 20u;  ///< newest changes kept in memory for the feed
  std::uint32_t readers = 4;  ///< lists and scans at a time; more wait their turn
  /// With nothing to commit for so long, captured changes are removed by themselves.
  std::chrono::milliseconds idle_trim{10'000};
  const Clock* clock = &SystemClock();
  telemetry::Registry* metrics = nullptr;  ///< null: not counted
  telemetry::Logger* logger = nullptr;     ///< null: silent
};

/// RecordStore and its ChangeFeed on one SQLite file (docs/formats/records-db.md). One
/// thread writes, groups of requests a commit; Get reads on a connection of its own and
/// may run on a loop's thread (microseconds, a mutex). One process a directory: the
/// caller holds the directory's lock.
class EmbeddedRecords : public RecordStore, public ChangeFeed {
 public:
  /// Creates or opens; makes durable what a killed process left, brings tables and
  /// indexes up to the collections. kConflict: a newer format, or another source;
  /// kInvalidArgument: names equal ignoring case, or stored records forbid what changed
  /// of a collection (schema_change.hpp); kDataLoss: the file is damaged. On failure the
  /// file is as before.
  static Result<std::unique_ptr<EmbeddedRecords>> Open(EmbeddedRecordsOptions options);
  /// Finishes what was submitted. No other call may be under way.
  ~EmbeddedRecords() override;

  void Submit(WriteRequest request) override;
  Result<Stored> Get(const std::string& tenant, const std::string& collection,
                     const std::string& key) override;
  Result<Page> List(const std::string& tenant, const std::string& collection,
                    const query::Query& query, Deadline deadline) override;
  Result<std::vector<KeyVersion>> ListVersions(const std::string& tenant,
                                               const std::string& collection,
                                               const query::Query& query, Version after,
                                               Version upto, std::uint32_t max,
                                               Deadline deadline) override;
  Result<Position> Scan(const std::string& collection, const ScanEach& each) override;
  Result<std::vector<HistorySum>> Sums() override;

  std::string source() const override;
  Result<ChangeBatch> Read(Position after, std::uint32_t max_rows,
                           std::uint64_t max_bytes) override;
  Result<Position> Begin() override;
  Result<Position> End() override;
  bool WaitFor(Position beyond, Deadline deadline) override;
  void Interrupt() override;
  void Trim(Position upto) override;

  /// A copy of records.db (`file`, which must not exist) as of one moment, while writes
  /// go on; durable on success. From before `before_cut` is called until that moment no
  /// change row is removed: changes that the copy lacks are in what `before_cut` copies,
  /// the log. Errors: those of `before_cut` and `progress`, kResourceExhausted,
  /// kUnavailable.
  Status CopyTo(const std::filesystem::path& file,
                const std::function<Status()>& before_cut, const CopyProgress& progress);

  /// For readiness: the error that has ended all writing until the next Open.
  Status Health() const;

 private:
  struct Parts;
  explicit EmbeddedRecords(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// A look into the records for tools, beside a running server or without one. Never
/// writes. One thread at a time.
class RecordsReader {
 public:
  /// kNotFound: no records in this directory; kConflict: a newer format.
  static Result<std::unique_ptr<RecordsReader>> Open(
      const std::filesystem::path& directory);
  ~RecordsReader();

  /// Names of all collections that ever had records here, declared or not.
  Result<std::vector<std::string>> Tables();
  /// As RecordStore::Scan.
  Result<Position> Scan(const std::string& collection, const ScanEach& each);
  Result<std::vector<HistorySum>> Sums();
  /// Marks of a collection, oldest first. None before its first commit in this format.
  Result<std::vector<SumMark>> Marks(const std::string& collection);
  /// Calls `each` for every change that the feed still has past `after`, in order.
  Status ScanChanges(std::uint64_t after, const std::function<void(const Change&)>& each);
  /// Until it is called again with false, everything is read as of one commit. Holds the
  /// write-ahead log back: not for long.
  Status HoldSnapshot(bool hold);
  /// Position of the newest committed change; {epoch, 0} when there was none yet.
  Result<Position> End();
  /// The name of the source, part of event ids.
  Result<std::string> Source();
  /// The record with this key (text form). kNotFound: none, or no such collection.
  Result<Stored> Get(const std::string& tenant, const std::string& collection,
                     const std::string& key);
  /// The change at this position; nothing where it is in the log alone, or not there yet.
  Result<std::optional<ChangeBatch>> ChangeAt(const Position& position);

 private:
  struct Parts;
  explicit RecordsReader(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::records
