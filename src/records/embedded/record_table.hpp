#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "schema/collection.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// One collection's table on the writer's connection, inside its open transaction.
class RecordTable {
 public:
  static Result<RecordTable> Prepare(Database& db, const schema::Collection& collection);

  enum class Outcome : std::uint8_t { kDone, kKeyTaken, kNotUnique, kBadKey, kFailed };
  struct Found {
    std::int64_t row = 0;
    Version version;
    std::string document;
  };

  /// Sets `failed` when SQLite did.
  std::optional<Found> Find(std::string_view tenant, std::string_view key, bool& failed);
  Outcome Insert(std::string_view tenant, std::string_view key, const Version& version,
                 std::string_view document);
  Outcome Update(std::int64_t row, const Version& version, std::string_view document);
  Outcome Delete(std::int64_t row);
  /// The fields of the unique index that the last kNotUnique was about.
  const std::vector<std::string>& violated() const { return violated_; }

 private:
  Outcome OutcomeOf(int code, sqlite3* db);

  bool integer_key_ = false;
  std::map<std::string, std::vector<std::string>> unique_;  ///< by index name
  std::vector<std::string> violated_;
  Statement find_, insert_, update_, delete_;
};

}  // namespace millrace::records
