#include "lister.hpp"

#include "layout.hpp"
#include "query/sql.hpp"

namespace millrace::records {
namespace {

/// Documents of one page: bounds its memory whatever the records' size.
constexpr std::size_t kPageBytes = 16u << 20u;

/// Columns that every document holds a value of.
bool IsNullable(const schema::Collection& collection, const std::string& name) {
  return name != collection.key && name != collection.created_at &&
         name != collection.updated_at && name != collection.version;
}

/// As mr_field yields the column's values.
Status BindValue(Statement& statement, int at, const query::SqlParameter& parameter) {
  using Tag = schema::SortValue::Tag;
  MR_TRY(const auto value, schema::ToSortValue(parameter.type, parameter.literal));
  switch (value.tag) {
    case Tag::kNull:
      statement.BindNull(at);
      break;
    case Tag::kInteger:
      statement.Bind(at, value.integer);
      break;
    case Tag::kReal:
      statement.Bind(at, value.real);
      break;
    case Tag::kText:
      statement.BindCopy(at, value.text);
      break;
  }
  return {};
}

/// From ?2 on; gives the number of the last one.
Result<int> BindAll(Statement& statement,
                    const std::vector<query::SqlParameter>& parameters) {
  int at = 1;
  for (const auto& parameter : parameters) {
    MR_CHECK_OK(BindValue(statement, ++at, parameter));
  }
  return at;
}

Status CheckEnd(int code, Database& db, const std::string& collection) {
  if (code == SQLITE_DONE) return {};
  if (code != SQLITE_INTERRUPT) return Fail(SqliteError(db.get(), "list " + collection));
  return Fail(ErrorCode::kDeadlineExceeded,
              "the list of " + collection +
                  " took too long: an index over its filters and order would help");
}

}  // namespace

Lister::Lister(const std::vector<schema::Collection>& collections, ReaderPool& pool)
    : pool_(pool) {
  for (const auto& collection : collections) {
    targets_.emplace(collection.name, Target{collection, collection.DocumentColumns()});
  }
}

query::SqlText Lister::ToSql(const Target& target, const query::Query& query) {
  const query::SqlDialect dialect{
      .column =
          [&](std::size_t at) {
            return ColumnExpression(target.collection, target.columns[at]);
          },
      .parameter = [](const schema::Type&) { return "?"; },
      .nullable =
          [&](std::size_t at) {
            return IsNullable(target.collection, target.columns[at].name);
          },
      .like_minds_case = false};
  return query::ToSql(query, target.columns, dialect);
}

Result<Statement> Lister::Prepare(Database& db, const Target& target,
                                  const std::string& tenant,
                                  const query::Query& query) const {
  const auto text = ToSql(target, query);
  auto sql = "SELECT document FROM " + TableOf(target.collection.name) +
             " WHERE tenant=?1 AND " + text.where;
  if (!text.order_by.empty()) sql += " ORDER BY " + text.order_by;
  // One more than asked for says whether there is a next page.
  sql += " LIMIT " + std::to_string(query.limit + 1);
  MR_TRY(auto statement, db.Prepare(sql));
  statement.BindCopy(1, tenant);
  MR_CHECK_OK(BindAll(statement, text.parameters));
  return statement;
}

Result<Statement> Lister::PrepareVersions(Database& db, const Target& target,
                                          const std::string& tenant,
                                          const query::Query& query,
                                          const VersionRange& range) const {
  const auto text = ToSql(target, query);
  MR_TRY(
      auto statement,
      db.Prepare("SELECT epoch, position, key FROM " + TableOf(target.collection.name) +
                 " WHERE tenant=?1 AND " + text.where +
                 " AND (epoch, position) > (?, ?) AND (epoch, position) <= (?, ?)"
                 " ORDER BY epoch, position LIMIT " +
                 std::to_string(range.max)));
  statement.BindCopy(1, tenant);
  MR_TRY(int at, BindAll(statement, text.parameters));
  for (const auto& version : {range.after, range.upto}) {
    statement.Bind(++at, static_cast<std::int64_t>(version.epoch));
    statement.Bind(++at, static_cast<std::int64_t>(version.position));
  }
  return statement;
}

Result<const Lister::Target*> Lister::Find(const std::string& collection) const {
  const auto found = targets_.find(collection);
  if (found != targets_.end()) return &found->second;
  return Fail(ErrorCode::kNotFound, "no collection '" + collection + "'");
}

Result<Page> Lister::List(const std::string& tenant, const std::string& collection,
                          const query::Query& query, Deadline deadline) {
  MR_TRY(const auto* target, Find(collection));
  MR_TRY(auto db, pool_.Take(deadline));
  const DeadlineGuard guard(*db, deadline);
  MR_TRY(auto statement, Prepare(*db, *target, tenant, query));
  Page out;
  std::size_t bytes = 0;
  int code = SQLITE_OK;
  while ((code = statement.Step()) == SQLITE_ROW) {
    if (out.documents.size() >= query.limit || bytes >= kPageBytes) {
      out.next_cursor = query::EncodeCursor(query, target->columns, out.documents.back());
      return out;
    }
    out.documents.emplace_back(statement.Text(0));
    bytes += out.documents.back().size();
  }
  MR_CHECK_OK(CheckEnd(code, *db, collection));
  return out;
}

Result<std::vector<KeyVersion>> Lister::ListVersions(const std::string& tenant,
                                                     const std::string& collection,
                                                     const query::Query& query,
                                                     const VersionRange& range,
                                                     Deadline deadline) {
  MR_TRY(const auto* target, Find(collection));
  MR_TRY(auto db, pool_.Take(deadline));
  const DeadlineGuard guard(*db, deadline);
  MR_TRY(auto statement, PrepareVersions(*db, *target, tenant, query, range));
  std::vector<KeyVersion> out;
  int code = SQLITE_OK;
  while ((code = statement.Step()) == SQLITE_ROW) {
    const Version version{static_cast<std::uint32_t>(statement.Int(0)),
                          static_cast<std::uint64_t>(statement.Int(1)), 0};
    out.push_back({std::string(statement.Text(2)), version});
  }
  MR_CHECK_OK(CheckEnd(code, *db, collection));
  return out;
}

}  // namespace millrace::records
