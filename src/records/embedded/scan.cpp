#include "scan.hpp"

#include "layout.hpp"
#include "store_state.hpp"

namespace millrace::records {
namespace {

Result<Position> ScanWithin(Database& db, const std::string& collection,
                            const ScanEach& each) {
  MR_TRY(auto stored, db.Prepare("SELECT 1 FROM collections WHERE name=?1"));
  stored.Bind(1, collection);
  const int known = stored.Step();
  if (known == SQLITE_DONE) {
    return Fail(ErrorCode::kNotFound, "no collection '" + collection + "'");
  }
  if (known != SQLITE_ROW) return Fail(SqliteError(db.get(), "scan " + collection));
  MR_TRY(const auto state, ReadStoreState(db));
  const Position end{state.epoch, state.next_seq - 1};
  MR_TRY(auto select, db.Prepare("SELECT key, epoch, position, document, tenant FROM " +
                                 TableOf(collection) + " ORDER BY tenant, key"));
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) {
    const Version version{static_cast<std::uint32_t>(select.Int(1)),
                          static_cast<std::uint64_t>(select.Int(2)), 0};
    if (!each({select.Text(0), version, select.Text(3), end, select.Text(4)})) return end;
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "scan " + collection));
  return end;
}

}  // namespace

Result<Position> ScanTable(Database& db, const std::string& collection,
                           const ScanEach& each) {
  // Rows and position are of one moment.
  const bool own = sqlite3_get_autocommit(db.get()) != 0;
  if (own) MR_CHECK_OK(db.Exec("BEGIN"));
  auto end = ScanWithin(db, collection, each);
  if (own) static_cast<void>(db.Exec("COMMIT"));
  return end;
}

}  // namespace millrace::records
