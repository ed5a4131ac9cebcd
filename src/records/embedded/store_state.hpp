#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "records/record_store.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// The row of table `store`. Floors only rise, so that neither sequence, time nor ids run
/// backwards over restarts, emptied feeds and clocks that are set back.
struct StoreState {
  std::uint32_t epoch = 0;
  std::uint64_t next_seq = 1;  ///< of the next change
  std::uint64_t trimmed = 0;   ///< changes up to here are gone
  TimestampUs time_floor = 0;  ///< newest commit time
  std::int64_t id_floor_ms = 0;
  friend bool operator==(const StoreState&, const StoreState&) = default;
};

/// The row of a collection in table `collections`.
struct CollectionState {
  std::uint64_t changes = 0;
  std::uint64_t hash = 0;
  std::int64_t sequence = 0;  ///< highest integer key given or generated
  friend bool operator==(const CollectionState&, const CollectionState&) = default;
};

Result<StoreState> ReadStoreState(Database& db);
Result<CollectionState> ReadCollectionState(Database& db, const std::string& name);
Result<std::vector<HistorySum>> ReadSums(Database& db);
/// The marks of a collection, oldest first; none in files of before version 3.
Result<std::vector<SumMark>> ReadMarks(Database& db, const std::string& name);

/// Writes both within the open transaction of the writer's connection.
class StateTables {
 public:
  static Result<StateTables> Prepare(Database& db);
  /// False when SQLite failed; the transaction must be rolled back then.
  bool Save(const StoreState& state);
  bool Save(const std::string& name, const CollectionState& state);
  /// Keeps what was committed before the collection's first commit of a minute. Repeating
  /// changes nothing.
  bool Mark(const std::string& name, std::int64_t minute, const CollectionState& before,
            std::uint64_t seq);

 private:
  Statement store_;
  Statement collection_;
  Statement mark_;
};

}  // namespace millrace::records
