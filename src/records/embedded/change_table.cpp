#include "change_table.hpp"

#include <memory>
#include <string>
#include <utility>

namespace millrace::records {
namespace {

/// What a change takes in memory beside its texts.
constexpr std::uint64_t kChangeOverhead = sizeof(Change);

}  // namespace

Result<ChangeTable> ChangeTable::Prepare(Database& db) {
  ChangeTable out;
  MR_TRY(out.insert_, db.Prepare("INSERT INTO changes(seq, collection, tenant, key, "
                                 "operation, epoch, committed_at, before, after) "
                                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"));
  MR_TRY(out.delete_, db.Prepare("DELETE FROM changes WHERE seq <= ?1"));
  return out;
}

bool ChangeTable::Insert(const Change& change) {
  insert_.Bind(1, static_cast<std::int64_t>(change.position.low));
  insert_.Bind(2, change.collection);
  insert_.Bind(3, change.tenant);
  insert_.Bind(4, change.key);
  insert_.Bind(5, static_cast<std::int64_t>(change.operation));
  insert_.Bind(6, static_cast<std::int64_t>(change.version.epoch));
  insert_.Bind(7, change.committed_at);
  change.before.empty() ? insert_.BindNull(8) : insert_.Bind(8, change.before);
  change.after.empty() ? insert_.BindNull(9) : insert_.Bind(9, change.after);
  return insert_.Run() == SQLITE_DONE;
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

ChangeBatch ChangeCollector::Take() {
  auto text = std::make_shared<const std::string>(std::exchange(text_, {}));
  ChangeBatch out;
  out.changes = std::exchange(changes_, {});
  const char* at = text->data();
  for (auto& change : out.changes) {
    for (auto* view : {&change.tenant, &change.collection, &change.key, &change.before,
                       &change.after}) {
      *view = {at, view->size()};
      at += view->size();
    }
  }
  out.arena.push_back(std::move(text));
  return out;
}

}  // namespace millrace::records
