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

}  // namespace

Lister::Lister(const std::vector<schema::Collection>& collections, ReaderPool& pool)
    : pool_(pool) {
  for (const auto& collection : collections) {
    targets_.emplace(collection.name, Target{collection, collection.DocumentColumns()});
  }
}

Result<Statement> Lister::Prepare(Database& db, const Target& target,
                                  const std::string& tenant,
                                  const query::Query& query) const {
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
      .has_ilike = false};
  const auto text = query::ToSql(query, target.columns, dialect);
  auto sql = "SELECT document FROM " + TableOf(target.collection.name) +
             " WHERE tenant=?1 AND " + text.where;
  if (!text.order_by.empty()) sql += " ORDER BY " + text.order_by;
  // One more than asked for says whether there is a next page.
  sql += " LIMIT " + std::to_string(query.limit + 1);
  MR_TRY(auto statement, db.Prepare(sql));
  statement.BindCopy(1, tenant);
  int at = 1;
  for (const auto& parameter : text.parameters) {
    MR_CHECK_OK(BindValue(statement, ++at, parameter));
  }
  return statement;
}

Result<Page> Lister::List(const std::string& tenant, const std::string& collection,
                          const query::Query& query, Deadline deadline) {
  const auto found = targets_.find(collection);
  if (found == targets_.end()) {
    return Fail(ErrorCode::kNotFound, "no collection '" + collection + "'");
  }
  const auto& target = found->second;
  MR_TRY(auto db, pool_.Take(deadline));
  const DeadlineGuard guard(*db, deadline);
  MR_TRY(auto statement, Prepare(*db, target, tenant, query));
  Page out;
  std::size_t bytes = 0;
  int code = SQLITE_OK;
  while ((code = statement.Step()) == SQLITE_ROW) {
    if (out.documents.size() >= query.limit || bytes >= kPageBytes) {
      out.next_cursor = query::EncodeCursor(query, target.columns, out.documents.back());
      return out;
    }
    out.documents.emplace_back(statement.Text(0));
    bytes += out.documents.back().size();
  }
  if (code == SQLITE_INTERRUPT) {
    return Fail(ErrorCode::kDeadlineExceeded,
                "the list of " + collection +
                    " took too long: an index over its filters and order would help");
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(db->get(), "list " + collection));
  return out;
}

}  // namespace millrace::records
