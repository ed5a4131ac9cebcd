#include "table.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/json.hpp"
#include "insert_only_sql.hpp"

namespace millrace::warehouse {
namespace {

Result<std::uint64_t> CountRows(sql::Session& session, const std::string& table) {
  MR_TRY(const auto answer, session.Query("SELECT count(*) FROM " + table));
  return static_cast<std::uint64_t>(answer.Int64(0, 0));
}

/// The base's column with first values of another.
schema::TypedName FirstOf(const schema::TypedName& column) {
  return {std::string(kFirstPrefix) + column.name, column.type};
}

/// What the base's own columns tell.
Status ReadBase(sql::Session& session, bool read_only, TableShape& shape) {
  MR_TRY(const auto statement, session.Prepare("SELECT * FROM " + BaseTable(shape)));
  shape.hashed = false;
  for (const auto& column : statement.columns()) {
    if (column.name == "_mr_hash") shape.hashed = true;
    if (!column.name.starts_with(kFirstPrefix)) continue;
    shape.insert_only.push_back(column.name.substr(kFirstPrefix.size()));
    const auto of = std::ranges::find(shape.columns, shape.insert_only.back(),
                                      &schema::TypedName::name);
    if (read_only || of == shape.columns.end() || of->type == column.type) continue;
    // Written by a version that widened the one without the other.
    MR_CHECK_OK(session.Run(WidenColumn(BaseTable(shape), FirstOf(*of))));
  }
  return {};
}

std::string Text(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

bool OurName(std::string_view name) {
  return name == kVersionColumn || name.starts_with("_mr_");
}

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

Status CheckSpec(const TableSpec& spec) {
  const auto refuse = [&](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument, "table " + spec.name + ": " + what);
  };
  if (spec.name.empty()) return refuse("a table needs a name");
  const auto key = std::ranges::find(spec.columns, spec.key, &schema::TypedName::name);
  if (key == spec.columns.end()) return refuse("there is no key column " + spec.key);
  if (!key->type.scalar()) return refuse("the key " + spec.key + " must be one value");
  for (const auto& column : spec.columns) {
    if (OurName(column.name)) return refuse("the name " + column.name + " is ours");
  }
  for (const auto& name : spec.insert_only) {
    const bool known = std::ranges::find(spec.columns, name, &schema::TypedName::name) !=
                       spec.columns.end();
    if (!known || name == spec.key) {
      return refuse("insert_only names " + name + ", which is no column, or the key");
    }
  }
  return {};
}

schema::Columns WithVersion(schema::Columns columns) {
  columns.push_back(
      {std::string(kVersionColumn), schema::Type::Simple(schema::Kind::kText)});
  return columns;
}

}  // namespace

Result<std::shared_ptr<Table>> Table::Load(Database& database, sql::Session& session,
                                           StoredTable stored) {
  Counts counts;
  MR_CHECK_OK(ReadBase(session, database.read_only, stored.shape));
  if (!database.read_only) {
    // Half written when the process ended.
    MR_CHECK_OK(session.Run(DropNextBase(stored.shape)));
  }
  const auto& shape = stored.shape;
  MR_TRY(counts.base, CountRows(session, BaseTable(shape)));
  MR_TRY(const auto places,
         session.Query("SELECT coalesce(max(rowid) + 1, 0)::BIGINT FROM " +
                       BaseTable(shape)));
  counts.base_places = static_cast<std::uint64_t>(places.Int64(0, 0));
  MR_TRY(const auto comment, session.Query(SelectComment(shape)));
  if (comment.rows() > 0) counts.sorted = ParseSorted(comment.Text(0, 0));
  MR_TRY(counts.delta, CountRows(session, DeltaTable(shape, shape.delta)));
  if (shape.frozen) {
    MR_TRY(counts.frozen, CountRows(session, DeltaTable(shape, *shape.frozen)));
  }
  return std::shared_ptr<Table>(new Table(database, std::move(stored), counts));
}

Result<std::shared_ptr<Table>> Table::Create(Database& database, sql::Session& session,
                                             const TableSpec& spec) {
  MR_CHECK_OK(CheckSpec(spec));
  StoredTable stored{
      {spec.name, spec.key, spec.columns, 0, 0, {}, Sorted(spec.insert_only), {}},
      spec.owner,
      {}};
  const auto& shape = stored.shape;
  const std::scoped_lock definitions(database.definitions);
  MR_TRY(auto transaction, Transaction::Begin(database, session));
  MR_CHECK_OK(session.Run(CreateBase(shape)));
  MR_CHECK_OK(session.Run(CreateDelta(shape)));
  MR_CHECK_OK(session.Run(CreateView(shape, false)));
  MR_CHECK_OK(Catalog::Insert(session, stored));
  MR_CHECK_OK(transaction.Commit());
  return std::shared_ptr<Table>(new Table(database, std::move(stored), {}));
}

StoredTable Table::stored() const {
  const std::scoped_lock lock(state_);
  return stored_;
}

TableShape Table::ShapeToMerge() const {
  const std::scoped_lock lock(state_);
  auto shape = stored_.shape;
  shape.sort = sort_;
  return shape;
}

TableShape Table::shape() const {
  const std::scoped_lock lock(state_);
  return stored_.shape;
}

bool Table::HasParts(const TableShape& shape) const {
  const std::scoped_lock definitions(database_.definitions);
  return !dropped() && SameParts(shape, this->shape());
}

std::shared_ptr<const KeyFilter> Table::keys() const {
  const std::scoped_lock lock(state_);
  return keys_;
}

bool Table::dropped() const {
  const std::scoped_lock lock(state_);
  return dropped_;
}

Result<Table::ColumnChanges> Table::FindChanges(const TableSpec& spec) const {
  MR_CHECK_OK(CheckSpec(spec));
  const auto known = stored();
  const auto refuse = [&](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument, "table " + spec.name + ": " + what);
  };
  if (known.owner != spec.owner) {
    return refuse("it is written by " + known.owner + ", not by " + spec.owner);
  }
  if (known.shape.key != spec.key) {
    return refuse("its key is " + known.shape.key + ", not " + spec.key);
  }
  if (Sorted(known.shape.insert_only) != Sorted(spec.insert_only)) {
    return refuse("other columns are insert_only: " + Listed(spec.insert_only) +
                  ", not " + Listed(known.shape.insert_only));
  }
  ColumnChanges changes;
  for (const auto& column : spec.columns) {
    const auto found =
        std::ranges::find(known.shape.columns, column.name, &schema::TypedName::name);
    if (found == known.shape.columns.end()) {
      changes.added.push_back(column);
    } else if (!schema::Widens(found->type, column.type)) {
      return refuse("column " + column.name + " is " + found->type.ToString() + ", not " +
                    column.type.ToString());
    } else if (!(found->type == column.type)) {
      changes.widened.push_back(column);
    }
  }
  return changes;
}

Result<std::optional<TablePosition>> Table::Open(sql::Session& session,
                                                 const TableSpec& spec) {
  MR_TRY(const auto changes, FindChanges(spec));
  if (!changes.added.empty() || !changes.widened.empty()) {
    MR_CHECK_OK(ChangeColumns(session, changes));
  }
  const std::scoped_lock writing(writing_);
  writer_columns_ = spec.columns;
  writer_ = {};
  const std::scoped_lock lock(state_);
  sort_ = SortColumns(stored_.shape.columns, spec.indexes);
  const auto position = stored_.positions.find(spec.partition);
  if (position == stored_.positions.end()) return std::nullopt;
  return position->second;
}

Status Table::ChangeColumns(sql::Session& session, const ColumnChanges& changes) {
  const std::scoped_lock locks(merging_, writing_);
  const std::scoped_lock definitions(database_.definitions);
  auto next = stored();
  const auto parts = Parts(next.shape);
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  for (const auto& column : changes.added) {
    for (const auto& part : parts) MR_CHECK_OK(session.Run(AddColumn(part, column)));
    next.shape.columns.push_back(column);
  }
  for (const auto& column : changes.widened) {
    for (const auto& part : parts) MR_CHECK_OK(session.Run(WidenColumn(part, column)));
    if (std::ranges::count(next.shape.insert_only, column.name) > 0) {
      MR_CHECK_OK(session.Run(WidenColumn(BaseTable(next.shape), FirstOf(column))));
    }
    *std::ranges::find(next.shape.columns, column.name, &schema::TypedName::name) =
        column;
  }
  MR_CHECK_OK(session.Run(CreateView(next.shape, true)));
  MR_CHECK_OK(transaction.Commit());
  const std::scoped_lock lock(state_);
  stored_.shape = std::move(next.shape);
  return {};
}

Status Table::Start(sql::Session& session, const TablePosition& first) {
  const auto known = stored();
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(Catalog::InsertPosition(session, known.shape.name, known.owner, first));
  MR_CHECK_OK(transaction.Commit());
  const std::scoped_lock lock(state_);
  stored_.positions[first.partition] = first;
  return {};
}

Status Table::PrepareWriter() {
  if (writer_.position) return {};
  if (!writer_columns_) {
    return Fail(ErrorCode::kInvalidArgument, "nobody has opened the table for writing");
  }
  const auto shape = stored().shape;
  Writer writer;
  MR_TRY(writer.session, database_.engine->Connect());
  auto& session = *writer.session;
  const auto key = *std::ranges::find(shape.columns, shape.key, &schema::TypedName::name);
  MR_CHECK_OK(
      session.AddRelation(std::string(kRowsRelation), WithVersion(*writer_columns_)));
  MR_CHECK_OK(session.AddRelation(std::string(kTombstonesRelation), WithVersion({key})));
  MR_TRY(writer.rows, session.Prepare(InsertRows(shape, *writer_columns_)));
  MR_TRY(writer.tombstones, session.Prepare(InsertTombstones(shape)));
  MR_TRY(writer.position, session.Prepare(MovePosition()));
  writer_ = std::move(writer);
  return {};
}

Status Table::Append(const sql::Batch& rows, const sql::Batch& tombstones) {
  auto& session = *writer_.session;
  const auto run = [&](std::string_view relation, const sql::Batch& batch,
                       sql::Statement& statement) -> Status {
    if (batch.rows() == 0) return {};
    session.SetRelation(std::string(relation), &batch);
    auto done = statement.Execute();
    session.SetRelation(std::string(relation), nullptr);
    if (!done) return Fail(std::move(done).error());
    return {};
  };
  MR_CHECK_OK(run(kRowsRelation, rows, *writer_.rows));
  return run(kTombstonesRelation, tombstones, *writer_.tombstones);
}

Status Table::Write(const sql::Batch& rows, const sql::Batch& tombstones, Offset expected,
                    const TablePosition& to) {
  MR_CHECK_OK(PrepareWriter());
  const auto name = stored().shape.name;
  MR_TRY(auto transaction, Transaction::Begin(database_, *writer_.session));
  MR_TRY(const auto moved,
         writer_.position->Execute({std::to_string(to.next), Text(to.version.ToHex()),
                                    Text(name), std::to_string(to.partition),
                                    std::to_string(expected)}));
  if (moved.Int64(0, 0) != 1) {
    return Fail(ErrorCode::kFenced, "it does not stand at offset " +
                                        std::to_string(expected) +
                                        ": another writer has moved it");
  }
  MR_CHECK_OK(Append(rows, tombstones));
  MR_FAIL_POINT("warehouse.before_commit");
  MR_CHECK_OK(transaction.Commit());
  MR_FAIL_POINT("warehouse.after_commit");
  return {};
}

Status Table::Apply(const sql::Batch& rows, const sql::Batch& tombstones, Offset expected,
                    const TablePosition& to) {
  const std::scoped_lock writing(writing_);
  if (auto written = Write(rows, tombstones, expected, to); !written) {
    return Fail(
        std::move(written).error().During("apply to table " + stored().shape.name));
  }
  const std::scoped_lock lock(state_);
  stored_.positions[to.partition] = to;
  counts_.delta += rows.rows() + tombstones.rows();
  changed_.notify_all();
  return {};
}

Status Table::DropStored(sql::Session& session, const TableShape& shape) {
  MR_CHECK_OK(session.Run("DROP VIEW " + ViewName(shape)));
  for (const auto& part : Parts(shape)) MR_CHECK_OK(session.Run("DROP TABLE " + part));
  MR_CHECK_OK(session.Run(DropNextBase(shape)));
  return Catalog::Remove(session, shape.name);
}

void Table::SetDropped() {
  const std::scoped_lock lock(state_);
  dropped_ = true;
  changed_.notify_all();
}

Status Table::Drop(sql::Session& session) {
  const std::scoped_lock locks(merging_, writing_);
  const std::scoped_lock definitions(database_.definitions);
  writer_ = {};
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(DropStored(session, stored().shape));
  MR_CHECK_OK(transaction.Commit());
  SetDropped();
  return {};
}

Result<std::vector<bool>> Table::Superseded(const std::vector<KeyVersion>& states) {
  sql::BatchBuilder builder(AskedColumns(), states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    builder.SetInt(0, static_cast<std::int64_t>(i));
    builder.SetText(1, states[i].key);
    builder.SetText(2, states[i].version.ToHex());
    builder.EndRow();
  }
  const auto asked = builder.Finish();
  MR_TRY(const auto session, database_.engine->Connect());
  MR_CHECK_OK(session->AddRelation(std::string(kAskedRelation), AskedColumns()));
  session->SetRelation(std::string(kAskedRelation), &asked);
  // No part of the table may be dropped between the look at its shape and the query.
  const std::scoped_lock definitions(database_.definitions);
  // Planned and run at one moment, as Session::Stream does it. The session ends with it.
  MR_CHECK_OK(session->Run("BEGIN TRANSACTION"));
  MR_TRY(const auto older, session->Query(SelectSuperseded(stored().shape)));
  session->SetRelation(std::string(kAskedRelation), nullptr);
  std::vector<bool> superseded(states.size());
  for (std::size_t row = 0; row < older.rows(); ++row) {
    superseded[static_cast<std::size_t>(older.Int64(0, row))] = true;
  }
  return superseded;
}

Result<bool> Table::WaitFor(const Version& version, Deadline deadline) {
  std::unique_lock lock(state_);
  const auto there = [&] {
    const auto changes = stored_.positions.find(0);
    return dropped_ ||
           (changes != stored_.positions.end() && changes->second.version >= version);
  };
  // A wait until the end of time overflows in the standard library.
  if (deadline.at() == Deadline::Never().at()) {
    changed_.wait(lock, there);
  } else if (!changed_.wait_until(lock, deadline.at(), there)) {
    return false;
  }
  if (dropped_) return Fail(ErrorCode::kNotFound, "the table has been dropped");
  return true;
}

TableInfo Table::Info() const {
  const std::scoped_lock lock(state_);
  TableInfo info;
  info.name = stored_.shape.name;
  info.key = stored_.shape.key;
  info.columns = WithVersion(stored_.shape.columns);
  info.owner = stored_.owner;
  if (const auto changes = stored_.positions.find(0);
      changes != stored_.positions.end()) {
    info.position = changes->second;
  }
  info.base_rows = counts_.base;
  info.delta_rows = counts_.frozen + counts_.delta;
  info.merges = stored_.merges;
  info.worst_merge_seconds = stored_.worst_merge_seconds;
  info.last_merge_seconds = stored_.last_merge_seconds;
  return info;
}

}  // namespace millrace::warehouse
