#include "scan.hpp"

#include "layout.hpp"

namespace millrace::records {

Status ScanTable(
    Database& db, const std::string& collection,
    const std::function<bool(std::string_view key, std::string_view document)>& each) {
  MR_TRY(auto stored, db.Prepare("SELECT 1 FROM collections WHERE name=?1"));
  stored.Bind(1, collection);
  if (stored.Step() != SQLITE_ROW) {
    return Fail(ErrorCode::kNotFound, "no collection '" + collection + "'");
  }
  MR_TRY(auto select, db.Prepare("SELECT key, document FROM " + TableOf(collection) +
                                 " ORDER BY tenant, key"));
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) {
    if (!each(select.Text(0), select.Text(1))) return {};
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "scan " + collection));
  return {};
}

}  // namespace millrace::records
