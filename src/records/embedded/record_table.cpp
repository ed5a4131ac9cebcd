#include "record_table.hpp"

#include "layout.hpp"
#include "record_key.hpp"

namespace millrace::records {

Result<RecordTable> RecordTable::Prepare(Database& db,
                                         const schema::Collection& collection) {
  RecordTable out;
  const auto table = TableOf(collection.name);
  out.integer_key_ = HasIntegerKey(collection);
  for (const auto& fields : collection.unique) {
    out.unique_[UniqueIndexName(collection.name, fields)] = fields;
  }
  MR_TRY(out.find_, db.Prepare("SELECT rowid, epoch, position, document FROM " + table +
                               " WHERE tenant=?1 AND key=?2"));
  MR_TRY(out.insert_,
         db.Prepare("INSERT INTO " + table +
                    "(tenant, key, epoch, position, document) VALUES(?1,?2,?3,?4,?5)"));
  MR_TRY(out.update_,
         db.Prepare("UPDATE " + table +
                    " SET epoch=?1, position=?2, document=?3 WHERE rowid=?4"));
  MR_TRY(out.delete_, db.Prepare("DELETE FROM " + table + " WHERE rowid=?1"));
  return out;
}

std::optional<RecordTable::Found> RecordTable::Find(std::string_view tenant,
                                                    std::string_view key, bool& failed) {
  failed = false;
  const ResetAtEnd reset(find_);
  find_.Bind(1, tenant);
  if (!BindKey(find_, 2, key, integer_key_)) return std::nullopt;
  const int code = find_.Step();
  failed = code != SQLITE_ROW && code != SQLITE_DONE;
  if (code != SQLITE_ROW) return std::nullopt;
  return Found{.row = find_.Int(0),
               .version = {static_cast<std::uint32_t>(find_.Int(1)),
                           static_cast<std::uint64_t>(find_.Int(2)), 0},
               .document = std::string(find_.Text(3))};
}

RecordTable::Outcome RecordTable::Insert(std::string_view tenant, std::string_view key,
                                         const Version& version,
                                         std::string_view document) {
  insert_.Bind(1, tenant);
  if (!BindKey(insert_, 2, key, integer_key_)) return Outcome::kBadKey;
  insert_.Bind(3, static_cast<std::int64_t>(version.epoch));
  insert_.Bind(4, static_cast<std::int64_t>(version.position));
  insert_.Bind(5, document);
  return OutcomeOf(insert_.Run(), insert_.db());
}

RecordTable::Outcome RecordTable::Update(std::int64_t row, const Version& version,
                                         std::string_view document) {
  update_.Bind(1, static_cast<std::int64_t>(version.epoch));
  update_.Bind(2, static_cast<std::int64_t>(version.position));
  update_.Bind(3, document);
  update_.Bind(4, row);
  return OutcomeOf(update_.Run(), update_.db());
}

RecordTable::Outcome RecordTable::Delete(std::int64_t row) {
  delete_.Bind(1, row);
  return OutcomeOf(delete_.Run(), delete_.db());
}

RecordTable::Outcome RecordTable::OutcomeOf(int code, sqlite3* db) {
  if (code == SQLITE_DONE) return Outcome::kDone;
  if (code != SQLITE_CONSTRAINT_UNIQUE) return Outcome::kFailed;
  // "UNIQUE constraint failed: index 'u_orders.email'" for an index over expressions, the
  // columns' names for the one over (tenant, key).
  const std::string_view message = sqlite3_errmsg(db);
  const auto open = message.find('\'');
  if (open == std::string_view::npos) return Outcome::kKeyTaken;
  const auto close = message.rfind('\'');
  const auto at = unique_.find(std::string(message.substr(open + 1, close - open - 1)));
  if (at == unique_.end()) return Outcome::kFailed;
  violated_ = at->second;
  return Outcome::kNotUnique;
}

}  // namespace millrace::records
