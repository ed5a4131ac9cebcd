#include "change_table.hpp"

#include <memory>
#include <string>
#include <utility>

namespace millrace::records {
namespace {

/// What a change takes in memory beside its texts.
constexpr std::uint64_t kChangeOverhead = sizeof(Change);

/// AUTOINCREMENT and the start of a statement cost as much as a row: many share them.
constexpr std::size_t kRowsAtOnce = 16;
constexpr int kColumns = 9;
constexpr std::string_view kRow = ",(?,?,?,?,?,?,?,?,?)";

std::string InsertSql(std::size_t rows) {
  std::string sql =
      "INSERT INTO changes(seq, collection, tenant, key, operation, epoch, "
      "committed_at, before, after) VALUES";
  for (std::size_t i = 0; i < rows; ++i) sql += i == 0 ? kRow.substr(1) : kRow;
  return sql;
}

/// Texts stand one after the other in the order of the changes and their fields.
void PointInto(const std::string& text, std::vector<Change>& changes) {
  const char* at = text.data();
  for (auto& change : changes) {
    for (auto* view : {&change.tenant, &change.collection, &change.key, &change.before,
                       &change.after}) {
      *view = {at, view->size()};
      at += view->size();
    }
  }
}

}  // namespace

Result<ChangeTable> ChangeTable::Prepare(Database& db) {
  ChangeTable out;
  MR_TRY(out.insert_, db.Prepare(InsertSql(1)));
  MR_TRY(out.insert_many_, db.Prepare(InsertSql(kRowsAtOnce)));
  MR_TRY(out.delete_, db.Prepare("DELETE FROM changes WHERE seq <= ?1"));
  return out;
}

bool ChangeTable::Insert(std::span<const Change> changes) {
  while (changes.size() >= kRowsAtOnce) {
    int at = 1;
    for (const auto& change : changes.first(kRowsAtOnce)) {
      Bind(insert_many_, at, change);
      at += kColumns;
    }
    if (insert_many_.Run() != SQLITE_DONE) return false;
    changes = changes.subspan(kRowsAtOnce);
  }
  for (const auto& change : changes) {
    Bind(insert_, 1, change);
    if (insert_.Run() != SQLITE_DONE) return false;
  }
  return true;
}

void ChangeTable::Bind(Statement& statement, int first, const Change& change) {
  statement.Bind(first, static_cast<std::int64_t>(change.position.low));
  statement.Bind(first + 1, change.collection);
  statement.Bind(first + 2, change.tenant);
  statement.Bind(first + 3, change.key);
  statement.Bind(first + 4, static_cast<std::int64_t>(change.operation));
  statement.Bind(first + 5, static_cast<std::int64_t>(change.version.epoch));
  statement.Bind(first + 6, change.committed_at);
  change.before.empty() ? statement.BindNull(first + 7)
                        : statement.Bind(first + 7, change.before);
  change.after.empty() ? statement.BindNull(first + 8)
                       : statement.Bind(first + 8, change.after);
}

bool ChangeTable::DeleteUpTo(std::uint64_t seq) {
  delete_.Bind(1, static_cast<std::int64_t>(seq));
  return delete_.Run() == SQLITE_DONE;
}

Result<ChangeReader> ChangeReader::Prepare(Database& db) {
  ChangeReader out;
  MR_TRY(out.select_, db.Prepare("SELECT seq, collection, tenant, key, operation, epoch, "
                                 "committed_at, before, after FROM changes "
                                 "WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3"));
  return out;
}

Result<ChangeBatch> ChangeReader::Read(std::uint64_t after, std::uint64_t end,
                                       std::uint32_t max_rows, std::uint64_t max_bytes) {
  const ResetAtEnd reset(select_);
  select_.Bind(1, static_cast<std::int64_t>(after));
  select_.Bind(2, static_cast<std::int64_t>(end));
  select_.Bind(3, static_cast<std::int64_t>(max_rows));
  ChangeCollector out;
  std::uint64_t bytes = 0;
  int code = SQLITE_DONE;
  while ((bytes < max_bytes || out.empty()) && (code = select_.Step()) == SQLITE_ROW) {
    const auto seq = static_cast<std::uint64_t>(select_.Int(0));
    const auto epoch = static_cast<std::uint32_t>(select_.Int(5));
    const auto before = out.bytes();
    out.Add({.position = {epoch, seq},
             .version = {epoch, seq, 0},
             .operation = static_cast<Operation>(select_.Int(4)),
             .committed_at = select_.Int(6),
             .tenant = select_.Text(2),
             .collection = select_.Text(1),
             .key = select_.Text(3),
             .before = select_.Text(7),
             .after = select_.Text(8)});
    bytes += out.bytes() - before + kChangeOverhead;
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return Fail(SqliteError(select_.db(), "read the changes"));
  }
  return out.Take();
}

void ChangeCollector::Add(const Change& change) {
  for (const auto text :
       {change.tenant, change.collection, change.key, change.before, change.after}) {
    text_ += text;
  }
  changes_.push_back(change);  // its views get their addresses in Take
}

void ChangeCollector::BackTo(const Mark& mark) {
  changes_.resize(mark.changes);
  text_.resize(mark.bytes);
}

std::span<const Change> ChangeCollector::View() {
  PointInto(text_, changes_);
  return changes_;
}

ChangeBatch ChangeCollector::Take() {
  auto text = std::make_shared<const std::string>(std::exchange(text_, {}));
  ChangeBatch out;
  out.changes = std::exchange(changes_, {});
  PointInto(*text, out.changes);
  out.arena.push_back(std::move(text));
  return out;
}

}  // namespace millrace::records
