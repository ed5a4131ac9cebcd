#include "query/sql.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>

#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using schema::Kind;
using schema::SortValue;
using schema::Type;

const schema::Columns& Columns() {
  static const schema::Columns kColumns = {{"id", Type::Simple(Kind::kBigint)},
                                           {"name", Type::Simple(Kind::kText)},
                                           {"amount", Type::Decimal(10, 2)},
                                           {"due", Type::Simple(Kind::kDate)}};
  return kColumns;
}

Query Read(const std::string& raw) {
  auto query = Parse(raw, "t", Columns(), "id");
  EXPECT_TRUE(query.has_value()) << raw << (query ? "" : query.error().ToString());
  return query ? std::move(*query) : Query();
}

SqlDialect Sqlite() {
  return {.column = [](std::size_t i) { return Columns()[i].name; },
          .parameter = [](const Type&) { return std::string("?"); },
          .nullable = {},
          .like_minds_case = false};
}

SqlDialect DuckDb() {
  return {.column = [](std::size_t i) { return "\"" + Columns()[i].name + "\""; },
          .parameter = [](const Type& type) { return "CAST(? AS " + type.ToSql() + ")"; },
          .nullable = [](std::size_t i) { return i == 2; },
          .like_minds_case = true};
}

TEST(ToSql, WritesParametersInTheirOrder) {
  const auto sql = ToSql(Read("amount=in.(1,2)&name=not.eq.x&due=is.not_null&order=due"),
                         Columns(), DuckDb());
  EXPECT_EQ(sql.where,
            R"("amount" IN (CAST(? AS DECIMAL(10,2)), CAST(? AS DECIMAL(10,2))))"
            R"( AND NOT ("name" = CAST(? AS VARCHAR)) AND NOT ("due" IS NULL))");
  EXPECT_EQ(sql.order_by, R"("due" ASC, "id" ASC)");
  ASSERT_EQ(sql.parameters.size(), 3u);
  EXPECT_EQ(schema::TextOf(sql.parameters[1].literal), "2.00");
  EXPECT_EQ(sql.parameters[2].type.kind, Kind::kText);
}

TEST(ToSql, WritesNothingForNothing) {
  const auto sql = ToSql(Read(""), Columns(), Sqlite());
  EXPECT_EQ(sql.where, "TRUE");
  EXPECT_EQ(sql.order_by, "id ASC");
  EXPECT_TRUE(sql.parameters.empty());
}

TEST(ToSql, AddsWhatTheRulesLeave) {
  auto query = Read("name=eq.a");
  query.visible = Condition::Any(
      {Condition::Of({1, Op::kNeq, true, {"\"b\""}}),
       Condition::All(
           {Condition::Of({2, Op::kIsNull, false, {}}),
            Condition{Condition::Kind::kColumns, {}, {0, Op::kLt, true, {}}, 3}})});
  const auto sql = ToSql(query, Columns(), Sqlite());
  EXPECT_EQ(sql.where,
            "name = ? AND (NOT (name <> ?) OR (amount IS NULL AND NOT (id < due)))");
  ASSERT_EQ(sql.parameters.size(), 2u);
  EXPECT_EQ(sql.parameters[1].literal, "\"b\"");
  query.visible = Condition::Never();
  EXPECT_EQ(ToSql(query, Columns(), Sqlite()).where, "name = ? AND FALSE");
}

TEST(ToSql, BeginsAnIndexRangeAtTheCursor) {
  auto query = Read("order=due.desc");
  query.after = {R"("2013-01-31")", "7"};
  const auto sql = ToSql(query, Columns(), DuckDb());
  EXPECT_EQ(sql.where, R"("due" <= CAST(? AS DATE) AND ("due" < CAST(? AS DATE) OR )"
                       R"(("due" = CAST(? AS DATE) AND "id" < CAST(? AS BIGINT))))");
  EXPECT_EQ(sql.parameters.size(), 4u);
}

TEST(ToSql, TranslatesPatterns) {
  struct Case {
    std::string_view raw;
    bool like_minds_case;
    std::string_view where;
    std::string_view pattern;
  };
  constexpr Case kCases[] = {
      {"name=like.a*%25_%5C?[", true, R"("name" LIKE CAST(? AS VARCHAR) ESCAPE '\')",
       R"(a%\%\_\\?[)"},
      {"name=ilike.AÉ*", true,
       R"(translate("name", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))"
       R"( LIKE CAST(? AS VARCHAR) ESCAPE '\')",
       "aÉ%"},
      {"name=like.a*%25_%5C?[x]", false, "name GLOB ?", R"(a*%_\[?][[]x])"},
      {"name=ilike.a*_", false, R"(name LIKE ? ESCAPE '\')", R"(a%\_)"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.raw);
    const auto sql = ToSql(Read(std::string(c.raw)), Columns(),
                           c.like_minds_case ? DuckDb() : Sqlite());
    EXPECT_EQ(sql.where, c.where);
    EXPECT_EQ(schema::TextOf(sql.parameters.at(0).literal), c.pattern);
  }
}

/// A table in SQLite that holds each value as ToSortValue gives it, as the records do.
class SqliteTest : public testing::Test {
 protected:
  using Row = std::vector<std::string>;  // literals

  SqliteTest() {
    sqlite3_open(":memory:", &db_);
    sqlite3_exec(db_, "CREATE TABLE t(id, name, amount, due)", nullptr, nullptr, nullptr);
  }
  ~SqliteTest() override { sqlite3_close(db_); }

  static void Bind(sqlite3_stmt* statement, int at, const Type& type,
                   const std::string& literal) {
    const auto value = schema::ToSortValue(type, literal).value();
    switch (value.tag) {
      case SortValue::Tag::kNull:
        sqlite3_bind_null(statement, at);
        break;
      case SortValue::Tag::kInteger:
        sqlite3_bind_int64(statement, at, value.integer);
        break;
      case SortValue::Tag::kReal:
        sqlite3_bind_double(statement, at, value.real);
        break;
      case SortValue::Tag::kText:
        sqlite3_bind_text(statement, at, value.text.data(),
                          static_cast<int>(value.text.size()), SQLITE_TRANSIENT);
        break;
    }
  }

  using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;
  Statement Prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db_) << "\n"
        << sql;
    return {statement, sqlite3_finalize};
  }

  void Insert(const Row& row) {
    const auto insert = Prepare("INSERT INTO t VALUES(?,?,?,?)");
    for (std::size_t i = 0; i < row.size(); ++i) {
      Bind(insert.get(), static_cast<int>(i) + 1, Columns()[i].type, row[i]);
    }
    sqlite3_step(insert.get());
    rows_[std::stoll(row[0])] = row;
  }

  std::vector<std::int64_t> Ids(const Query& query) {
    const auto sql = ToSql(query, Columns(), Sqlite());
    const auto select = Prepare("SELECT id FROM t WHERE " + sql.where + " ORDER BY " +
                                sql.order_by + " LIMIT " + std::to_string(query.limit));
    int at = 0;
    for (const auto& parameter : sql.parameters) {
      Bind(select.get(), ++at, parameter.type, parameter.literal);
    }
    std::vector<std::int64_t> ids;
    while (sqlite3_step(select.get()) == SQLITE_ROW) {
      ids.push_back(sqlite3_column_int64(select.get(), 0));
    }
    return ids;
  }

  /// All rows, read page by page through cursors as a client would.
  std::vector<std::int64_t> Pages(const std::string& raw, std::size_t size) {
    std::vector<std::int64_t> all;
    std::string cursor;
    while (all.size() <= rows_.size()) {
      const auto query = Read(raw + "&limit=" + std::to_string(size) +
                              (cursor.empty() ? "" : "&cursor=") + cursor);
      const auto page = Ids(query);
      all.insert(all.end(), page.begin(), page.end());
      if (page.size() < size) break;
      std::vector<std::string> last;
      for (const auto& order : query.order)
        last.push_back(rows_[page.back()][order.column]);
      cursor = EncodeCursor(query, last);
    }
    return all;
  }

  sqlite3* db_ = nullptr;
  std::map<std::int64_t, Row> rows_;
};

/// -1, 0, 1; nulls are greatest, which is last ascending and first descending.
int Compare(const Type& type, const std::string& a, const std::string& b) {
  if (a == "null" || b == "null") return (a == "null" ? 1 : 0) - (b == "null" ? 1 : 0);
  const auto x = schema::ToSortValue(type, a).value();
  const auto y = schema::ToSortValue(type, b).value();
  if (x.tag == SortValue::Tag::kText)
    return x.text < y.text ? -1 : y.text < x.text ? 1 : 0;
  return x.integer < y.integer ? -1 : y.integer < x.integer ? 1 : 0;
}

TEST_F(SqliteTest, PagesMeetEveryRowOnceInOrderAcrossNulls) {
  std::mt19937 random(3);
  const auto pick = [&](std::vector<std::string> values) {
    return values[random() % values.size()];
  };
  for (int id = 1; id <= 40; ++id) {
    Insert({std::to_string(id * 7 % 41), pick({"null", R"("a")", R"("b")", R"("B")"}),
            pick({"null", R"("-1.50")", R"("0.00")", R"("10.00")", R"("9.00")"}),
            pick({"null", R"("1969-12-31")", R"("2013-01-31")"})});
  }
  for (const std::string order :
       {"", "order=id.desc", "order=name", "order=name.desc", "order=name,amount",
        "order=name.desc,amount.asc", "order=name,amount.desc,due",
        "order=due.desc,amount.desc,name.desc", "order=due,id.desc"}) {
    SCOPED_TRACE(order);
    const auto query = Read(order);
    std::vector<std::int64_t> want;
    for (const auto& [id, row] : rows_) want.push_back(id);
    std::sort(want.begin(), want.end(), [&](std::int64_t a, std::int64_t b) {
      for (const auto& by : query.order) {
        const int sign =
            Compare(Columns()[by.column].type, rows_[a][by.column], rows_[b][by.column]);
        if (sign != 0) return by.descending ? sign > 0 : sign < 0;
      }
      return false;
    });
    for (const std::size_t size : {1u, 2u, 3u, 7u, 40u, 100u}) {
      EXPECT_EQ(Pages(order, size), want) << size;
    }
  }
}

TEST_F(SqliteTest, FiltersAsSqlDoes) {
  Insert({"1", R"("Anna")", R"("10.00")", R"("2013-01-31")"});
  Insert({"2", R"("anna")", R"("9.00")", "null"});
  Insert({"3", R"("a%b")", R"("-9.00")", R"("1969-12-31")"});
  Insert({"4", "null", "null", "null"});
  Insert({"5", R"("x*[y]?")", R"("100.00")", R"("2020-01-01")"});
  using Wanted = std::vector<std::int64_t>;
  const std::pair<std::string, Wanted> cases[] = {
      {"amount=gt.9", {1, 5}},        {"amount=gte.9", {1, 2, 5}},
      {"amount=lt.-8.5", {3}},        {"amount=eq.9", {2}},
      {"amount=not.eq.9", {1, 3, 5}}, {"amount=neq.9", {1, 3, 5}},
      {"amount=in.(9,10)", {1, 2}},   {"amount=not.in.(9,10)", {3, 5}},
      {"name=is.null", {4}},          {"name=is.not_null&due=is.null", {2}},
      {"due=lt.1970-01-01", {3}},     {"name=like.*nna", {1, 2}},
      {"name=like.A*", {1}},          {"name=ilike.A*", {1, 2, 3}},
      {"name=like.*%25*", {3}},       {"name=ilike.*%25*", {3}},
      {"name=like.x*[y]?", {5}},      {"name=like.a_b", {}},
      {"name=ilike.a_b", {}},         {"name=not.like.*a*", {5}},
      {"name=eq.' OR 1=1 --", {}},    {"id=gt.1&id=lt.4", {2, 3}},
  };
  for (const auto& [raw, want] : cases) EXPECT_EQ(Ids(Read(raw)), want) << raw;
}

}  // namespace
}  // namespace millrace::query
