#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "records/record_store.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// How long an answer is kept under its idempotency key.
inline constexpr TimestampUs kIdempotencyKeptUs = 24ll * 3600 * 1'000'000;

/// Answers by (tenant, scope, key), in the transaction of the writes they belong to.
class IdempotencyTable {
 public:
  static Result<IdempotencyTable> Prepare(Database& db);

  struct Kept {
    Answer answer;
    std::uint64_t request_hash = 0;
  };
  /// Sets `failed` when SQLite did; an answer older than 24 h is not found.
  std::optional<Kept> Find(const std::string& tenant, const Idempotency& request,
                           TimestampUs now, bool& failed);
  /// False when SQLite failed.
  bool Keep(const std::string& tenant, const Idempotency& request, const Answer& answer,
            TimestampUs now);
  /// Deletes up to max_rows of the oldest answers, those past 24 h; false: SQLite failed.
  bool Expire(TimestampUs now, std::uint64_t max_rows);

 private:
  bool LoadOldest();

  Statement find_;
  Statement insert_;
  Statement oldest_;
  Statement expire_;
  /// Commit time of the oldest row, so that a commit asks the table only when it is due.
  TimestampUs oldest_at_ = std::numeric_limits<TimestampUs>::max();
};

}  // namespace millrace::records
