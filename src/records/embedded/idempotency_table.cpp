#include "idempotency_table.hpp"

#include <algorithm>
#include <bit>

#include "base/bytes.hpp"

namespace millrace::records {
namespace {

constexpr const char* kExpireSql =
    "DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency ORDER BY id LIMIT "
    "?2) AND created_at <= ?1";

std::int64_t SlotOf(const std::string& tenant, const Idempotency& request) {
  return std::bit_cast<std::int64_t>(
      Hash64(request.key, Hash64(request.scope, Hash64(tenant))));
}

}  // namespace

Result<IdempotencyTable> IdempotencyTable::Prepare(Database& db) {
  IdempotencyTable out;
  MR_TRY(out.find_,
         db.Prepare("SELECT request_hash, status, etag, location, body FROM idempotency "
                    "WHERE slot=?1 AND key=?2 AND scope=?3 AND tenant=?4 "
                    "AND created_at>?5"));
  MR_TRY(out.insert_, db.Prepare("INSERT INTO idempotency(slot, created_at, tenant, "
                                 "scope, key, request_hash, status, etag, location, "
                                 "body) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"));
  MR_TRY(out.oldest_,
         db.Prepare("SELECT created_at FROM idempotency ORDER BY id LIMIT 1"));
  MR_TRY(out.expire_, db.Prepare(kExpireSql));
  if (!out.LoadOldest()) return Fail(SqliteError(db.get(), "read the kept answers"));
  return out;
}

std::optional<IdempotencyTable::Kept> IdempotencyTable::Find(const std::string& tenant,
                                                             const Idempotency& request,
                                                             TimestampUs now,
                                                             bool& failed) {
  const ResetAtEnd reset(find_);
  find_.Bind(1, SlotOf(tenant, request));
  find_.Bind(2, request.key);
  find_.Bind(3, request.scope);
  find_.Bind(4, tenant);
  find_.Bind(5, now - kIdempotencyKeptUs);
  const int code = find_.Step();
  failed = code != SQLITE_ROW && code != SQLITE_DONE;
  if (code != SQLITE_ROW) return std::nullopt;
  return Kept{.answer = {.status = static_cast<int>(find_.Int(1)),
                         .etag = std::string(find_.Text(2)),
                         .location = std::string(find_.Text(3)),
                         .body = std::string(find_.Text(4))},
              .request_hash = std::bit_cast<std::uint64_t>(find_.Int(0))};
}

bool IdempotencyTable::Keep(const std::string& tenant, const Idempotency& request,
                            const Answer& answer, TimestampUs now) {
  insert_.Bind(1, SlotOf(tenant, request));
  insert_.Bind(2, now);
  insert_.Bind(3, tenant);
  insert_.Bind(4, request.scope);
  insert_.Bind(5, request.key);
  insert_.Bind(6, std::bit_cast<std::int64_t>(request.request_hash));
  insert_.Bind(7, static_cast<std::int64_t>(answer.status));
  insert_.Bind(8, answer.etag);
  insert_.Bind(9, answer.location);
  insert_.Bind(10, answer.body);
  // Harmless if the transaction fails: the next due look finds nothing to delete.
  oldest_at_ = std::min(oldest_at_, now);
  return insert_.Run() == SQLITE_DONE;
}

bool IdempotencyTable::Expire(TimestampUs now, std::uint64_t max_rows) {
  const auto limit = now - kIdempotencyKeptUs;
  if (oldest_at_ > limit) return true;
  expire_.Bind(1, limit);
  expire_.Bind(2, static_cast<std::int64_t>(max_rows));
  return expire_.Run() == SQLITE_DONE && LoadOldest();
}

bool IdempotencyTable::LoadOldest() {
  const ResetAtEnd reset(oldest_);
  const int code = oldest_.Step();
  if (code == SQLITE_ROW) oldest_at_ = oldest_.Int(0);
  if (code == SQLITE_DONE) oldest_at_ = std::numeric_limits<TimestampUs>::max();
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

}  // namespace millrace::records
