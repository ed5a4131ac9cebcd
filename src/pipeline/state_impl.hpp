#pragma once

#include <mutex>

#include "pipeline/state_db.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::pipeline {

/// The database that StateDb and DeadLetters share.
struct DeadLetters::Impl {
  std::mutex mutex;
  Sqlite db;

  /// Under `mutex`.
  Result<std::uint64_t> CountLocked(std::string_view pipeline, std::string_view sink);
  /// kNotFound: there is no such letter.
  Status CheckThereLocked(const std::vector<std::int64_t>& ids);
};

struct StateDb::Impl : DeadLetters::Impl {
  DeadLetters letters{*this};

  Result<std::vector<StoredSink>> SinksOf(std::string_view pipeline);
  Result<std::vector<UsedDefinition>> DefinitionsLocked(std::string_view pipeline,
                                                        std::string_view sink);
  Status PutDefinition(std::string_view pipeline, std::string_view sink,
                       const UsedDefinition& definition);
};

inline std::int64_t Signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
inline std::uint64_t Unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

/// "[1,2]", for json_each.
std::string JsonArray(const std::vector<std::int64_t>& numbers);

/// Makes the tables, and those of earlier formats into ours. kConflict: a newer format,
/// nothing was changed.
Status PrepareStateDb(Sqlite& db);
/// For a connection that only reads: those of formats 2 and 3 look like ours. kConflict:
/// another format.
Status ReadStateDb(Sqlite& db);

}  // namespace millrace::pipeline
