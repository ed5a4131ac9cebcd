#include "pipeline/compile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "functions.hpp"
#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> NamesOf(const schema::Columns& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

TEST(CompilePipeline, RefusesWhatARowCannotTellAlone) {
  struct Case {
    const char* name;
    const char* sql;
    const char* expected;  ///< "line:column message", a part of it
  };
  constexpr Case kCases[] = {
      {"broken", "SELECT order_id FRM changes", "10:"},
      {"aggregate", "SELECT order_id,\ncount(*) n FROM changes", "11:3 count"},
      {"aggregate by its clause", "SELECT order_id FROM changes GROUP BY order_id",
       "GROUP BY"},
      {"rare aggregate", "SELECT order_id, kahan_sum(amount) s FROM changes",
       "aggregate"},
      {"distinct", "SELECT DISTINCT order_id FROM changes", "DISTINCT"},
      {"union", "SELECT order_id FROM changes UNION SELECT order_id FROM changes",
       "without UNION"},
      {"limit", "SELECT order_id FROM changes LIMIT 3", "LIMIT"},
      {"order", "SELECT order_id FROM changes ORDER BY 1", "ORDER BY"},
      {"window", "SELECT order_id, row_number() OVER () n FROM changes",
       "10:20 a window"},
      {"unnest", "SELECT order_id, unnest(tags) t FROM changes", "many rows"},
      {"subquery", "SELECT order_id, (SELECT 1) n FROM changes", "subquery"},
      {"exists", "SELECT order_id FROM changes WHERE EXISTS (SELECT 1)", "subquery"},
      {"cte", "WITH a AS (SELECT 1) SELECT order_id FROM changes", "WITH"},
      {"other table", "SELECT 1 a FROM orders", "expected FROM changes, found orders"},
      {"table function", "SELECT 1 a FROM range(3)", "expected FROM changes"},
      {"no table", "SELECT 1 a", "expected FROM changes"},
      {"random", "SELECT order_id, random() r FROM changes", "10:20 random() would"},
      {"now", "SELECT order_id, now() r FROM changes", "use _ts"},
      {"current_timestamp", "SELECT order_id, current_timestamp r FROM changes",
       "other rows"},
      {"uuid", "SELECT order_id, uuid() r FROM changes", "other rows"},
      {"nextval", "SELECT order_id, nextval('s') r FROM changes", "other rows"},
      {"parameter", "SELECT order_id, ? r FROM changes", "parameters"},
      {"unknown column", "SELECT order_id, c.statu FROM changes c", "10:20 "},
      {"unknown function", "SELECT order_id, uper(note) n FROM changes", "10:20 "},
      {"type error", "SELECT order_id,\n  note + 1.5 + tags FROM changes", "11:"},
      {"two of a name", "SELECT order_id, note, status AS NOTE FROM changes",
       "two columns are named NOTE"},
      {"made up offset", "SELECT order_id, 1 AS _offset FROM changes",
       "_offset can only"},
      {"made up version", "SELECT order_id, note AS _version FROM changes",
       "_version can only"},
      {"key missing", "SELECT customer_id FROM changes", "30:5 the SQL has no column"},
      {"key computed", "SELECT upper(order_id) AS order_id FROM changes",
       "passed through as it is"},
      {"key of another", "SELECT note AS order_id FROM changes", "passed through"},
      {"undeclared lookup",
       "SELECT order_id FROM changes c LEFT JOIN planes p ON p.a = c.note",
       "neither `changes` nor a declared lookup"},
      {"near lookup",
       "SELECT order_id FROM changes c LEFT JOIN customer p ON p.customer_id = "
       "c.customer_id",
       "did you mean customers?"},
      {"other column of a lookup",
       "SELECT order_id FROM changes c LEFT JOIN customers p ON p.email = c.customer_id",
       "expected ON p.customer_id = c.customer_id"},
      {"more than the lookup's columns",
       "SELECT order_id FROM changes c LEFT JOIN customers p ON p.customer_id = "
       "c.customer_id AND p.name = c.note",
       "expected ON"},
      {"no equality",
       "SELECT order_id FROM changes c LEFT JOIN customers p ON p.customer_id > "
       "c.customer_id",
       "expected ON"},
      {"right join",
       "SELECT order_id FROM changes c RIGHT JOIN customers p ON p.customer_id = "
       "c.customer_id",
       "LEFT JOIN or INNER JOIN"},
      {"joined twice",
       "SELECT order_id FROM changes c LEFT JOIN customers a ON a.customer_id = "
       "c.customer_id LEFT JOIN customers b ON b.customer_id = c.customer_id",
       "joined twice"},
      {"cross join", "SELECT order_id FROM changes, customers", "LEFT JOIN or INNER"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    PipelineFixture f;
    f.AddCustomers();
    f.AddTable("t", "order_id");
    f.SetSql(c.sql);
    const auto problems = f.Problems();
    ASSERT_THAT(problems, testing::Not(IsEmpty()));
    EXPECT_THAT(problems, testing::Contains(HasSubstr(c.expected)));
  }
}

TEST(CompilePipeline, AcceptsWhatARowCanTell) {
  constexpr const char* kCases[] = {
      "SELECT order_id FROM changes",
      "SELECT changes.order_id, note || 'x' AS n FROM changes WHERE amount > 3",
      "SELECT c.order_id, upper(c.note) FROM changes c",
      "SELECT order_id, amount * 2 AS twice, twice + 1 AS more FROM changes",
      "SELECT order_id, list_transform(tags, lambda t: t || note) AS t FROM changes",
      "SELECT order_id, [t FOR t IN tags IF t <> note] AS t FROM changes",
      "SELECT order_id, extra -> '$.n' AS n, extra ->> 'n' AS m FROM changes",
      "SELECT order_id, extra.n AS n FROM changes",
      "SELECT order_id, _before.note AS old, _op, _operation, _ts, _id FROM changes",
      "SELECT order_id, CASE WHEN note = 'a' THEN 1 ELSE 2 END AS n FROM changes",
      "SELECT order_id, {'a': note, 'b': amount} AS s FROM changes",
      "SELECT * FROM changes",
      "SELECT * EXCLUDE (note, _before) REPLACE (upper(status) AS status) FROM changes",
      "SELECT c.*, customers.name FROM changes c LEFT JOIN customers ON "
      "customers.customer_id = c.customer_id",
      "SELECT order_id, k.name FROM changes JOIN customers AS k USING (customer_id)",
      "SELECT order_id, \"k\".\"name\" AS \"a \"\"b\" FROM changes JOIN customers AS k "
      "ON "
      "changes.customer_id = k.customer_id WHERE k.credit BETWEEN 1 AND 10",
      "SELECT order_id, _offset, _version FROM changes",
      "SELECT order_id, date_trunc('day', _created_at) AS d FROM changes",
      "SELECT order_id, 1.50 AS price, INTERVAL 1 DAY + DATE '2013-01-01' AS d, "
      "try_cast(note AS INTEGER) AS i FROM changes",
  };
  for (const char* sql : kCases) {
    SCOPED_TRACE(sql);
    PipelineFixture f;
    f.AddCustomers();
    f.AddTable("t", "order_id");
    f.AddLake("l");
    f.SetSql(sql);
    EXPECT_THAT(f.Problems(), IsEmpty());
  }
}

TEST(CompilePipeline, FindsWhatTheSqlUses) {
  PipelineFixture f;
  f.AddCustomers();
  f.AddTable("t", "id");
  f.AddLake("l");
  f.SetSql(
      "SELECT c.order_id AS id, customers.name, c.amount FROM changes c\n"
      "INNER JOIN customers ON customers.customer_id = c.customer_id WHERE c.note <> ''");
  const CompiledPipeline compiled = f.Compile();
  EXPECT_THAT(NamesOf(compiled.InputColumns()),
              ElementsAre("_offset", "order_id", "customers.name", "amount", "note",
                          "customers.?found", "_version"));
  EXPECT_TRUE(compiled.sinks[0].has_version);
  EXPECT_FALSE(compiled.sinks[1].has_version) << "a lake that does not ask for it";
  EXPECT_THAT(NamesOf(compiled.sinks[0].output), ElementsAre("id", "name", "amount"));
  EXPECT_EQ(compiled.sinks[0].output[2].type, schema::Type::Decimal(10, 2));
  EXPECT_FALSE(compiled.sinks[0].takes_deletes);
  EXPECT_TRUE(compiled.sinks[1].takes_deletes);
  EXPECT_THAT(compiled.lookups[0].on, ElementsAre(std::pair(0u, 1u)));
  EXPECT_TRUE(compiled.sinks[0].failing_output.empty()) << "columns cannot fail";
  EXPECT_FALSE(compiled.sinks[0].failing_filter.empty());
}

TEST(CompilePipeline, PutsOffsetAndVersionAtTheEnd) {
  PipelineFixture f;
  f.AddTable("t", "order_id", project::OnDelete::kMark);
  f.SetSql("SELECT _version, order_id, _offset FROM changes");
  const CompiledPipeline compiled = f.Compile();
  EXPECT_THAT(NamesOf(compiled.sinks[0].output), ElementsAre("order_id", "_deleted"));
  EXPECT_TRUE(compiled.sinks[0].selects_offset);
  EXPECT_TRUE(compiled.sinks[0].selects_version);
}

TEST(CompilePipeline, ChecksTheColumnsThatATableNames) {
  PipelineFixture f;
  f.AddTable("t", "order_id");
  auto& table = std::get<project::TableSink>(f.pipeline.sinks[0].target);
  const project::Place place{"p.yaml", 7, 9};
  f.SetSql("SELECT order_id, status, amount FROM changes");
  table.columns = {{"stats", std::nullopt, "", std::nullopt, true, place}};
  EXPECT_THAT(f.Problems(),
              ElementsAre("7:9 the SQL has no column stats; did you mean status?"));
  table.columns = {{"order_id", schema::Type::Parse("bigint").value(), "bigint",
                    std::nullopt, false, place}};
  EXPECT_THAT(f.Problems(), ElementsAre("7:9 the key order_id is text in the collection, "
                                        "and cannot be bigint"));
  table.columns.clear();
  table.insert_only = {{"order_id", place}};
  EXPECT_THAT(f.Problems(),
              ElementsAre("7:9 the key order_id never changes: leave it out"));
  table.insert_only = {{"Status", place}};
  table.indexes = {{{"amount", place}, {"nowhere", place}}};
  EXPECT_THAT(f.Problems(), ElementsAre("7:9 the SQL has no column nowhere"));
  table.indexes.front().pop_back();
  const CompiledPipeline compiled = f.Compile();
  EXPECT_THAT(compiled.sinks[0].insert_only, ElementsAre("status"));
  EXPECT_THAT(compiled.sinks[0].indexes, ElementsAre(ElementsAre("amount")));
  table.insert_only.clear();
  EXPECT_NE(f.Compile().hash, compiled.hash);
}

TEST(CompilePipeline, ChecksTheAccessRuleOfRows) {
  PipelineFixture f;
  f.AddTable("t", "order_id");
  f.SetSql("SELECT order_id, upper(status) AS state, amount FROM changes");
  const auto hash = f.Compile().hash;
  auto& rule = f.pipeline.sinks[0].list_rule;
  rule = {"status = auth.user_id", {"pipelines/p.yaml", 31, 8}, 0, true};
  EXPECT_THAT(f.Problems(),
              ElementsAre("31:8 there is no field status; did you mean state?"));
  rule.text = "state = auth.user_id and amount > '1'";
  EXPECT_THAT(f.Problems(), ElementsAre(HasSubstr("amount (decimal(10,2)) cannot be")));
  rule.text = "state = auth.user_id";
  const CompiledPipeline compiled = f.Compile();
  ASSERT_TRUE(compiled.sinks[0].list_rule);
  EXPECT_EQ(compiled.sinks[0].list_rule->text(), rule.text);
  EXPECT_EQ(compiled.hash, hash);
}

TEST(CompilePipeline, HashesWhatChangesRows) {
  PipelineFixture f;
  f.AddTable("t", "order_id");
  f.SetSql("SELECT order_id, note FROM changes WHERE note<>'a'");
  const std::string first = f.Compile().hash;
  f.SetSql("SELECT   order_id, note\nFROM changes c\nWHERE (c.note <> 'a')");
  EXPECT_EQ(f.Compile().hash, first);
  f.pipeline.max_rows = 7;
  EXPECT_EQ(f.Compile().hash, first);
  f.SetSql("SELECT order_id, note FROM changes WHERE note<>'b'");
  EXPECT_NE(f.Compile().hash, first);
}

TEST(CompilePipeline, NamesTheColumnsThatReadThePresent) {
  PipelineFixture f;
  f.AddTable("t", "order_id");
  f.AddCustomers();
  const std::string join =
      " FROM changes c LEFT JOIN customers USING (customer_id) WHERE ";
  const std::string columns =
      "SELECT order_id, _processed_at AS seen, note || _processed_at::text AS both, "
      "customers.name AS name";
  f.SetSql(columns + join + "note <> 'x'");
  EXPECT_THAT(f.Compile().sinks[0].read_now, testing::ElementsAre("seen", "both"));
  EXPECT_FALSE(f.Compile().sinks[0].filter_reads_now);
  f.SetSql(columns + join + "_ts < _processed_at");
  EXPECT_TRUE(f.Compile().sinks[0].filter_reads_now);
  f.pipeline.lookups[0].as_of_now = true;
  f.SetSql(columns + join + "note <> 'x'");
  EXPECT_THAT(f.Compile().sinks[0].read_now,
              testing::ElementsAre("seen", "both", "name"));
  EXPECT_FALSE(f.Compile().sinks[0].filter_reads_now);
  f.SetSql("SELECT order_id FROM changes JOIN customers USING (customer_id)");
  EXPECT_THAT(f.Compile().sinks[0].read_now, IsEmpty());
  EXPECT_TRUE(f.Compile().sinks[0].filter_reads_now);
}

TEST(CompilePipeline, ChecksRules) {
  struct Case {
    const char* rule;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {"amount >= 0", ""},
      {"c.amount >= 0 and note is not null -- why", ""},
      {"_op <> 'r'", ""},
      {"amount", "expected a boolean expression"},
      {"amount >", "5:"},
      {"amont > 1", "5:12 "},
      {"note in (SELECT 1)", "5:17 a subquery"},
      {"true), (false", "expected one boolean expression"},
      {"random() > 0.5", "5:12 random"},
      {"count(*) > 1", "5:12 count"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.rule);
    PipelineFixture f;
    f.AddTable("t", "order_id");
    f.SetSql("SELECT order_id FROM changes c");
    f.AddRule(c.rule);
    if (*c.expected == 0) {
      EXPECT_THAT(f.Problems(), IsEmpty());
    } else {
      EXPECT_THAT(f.Problems(), testing::Contains(HasSubstr(c.expected)));
    }
  }
}

TEST(Functions, ListTheVolatileOnesOfTheEngine) {
  PipelineFixture f;
  auto session = std::move(*f.engine->Connect());
  const auto names = session->Query(
      "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability <> "
      "'CONSISTENT' AND function_type = 'scalar'");
  ASSERT_TRUE(names) << names.error().ToString();
  ASSERT_GT(names->rows(), 10u);
  for (std::size_t i = 0; i < names->rows(); ++i) {
    const auto name = names->Text(0, i);
    EXPECT_TRUE(name == "error" || IsVolatileFunction(name)) << name;
  }
  const auto aggregates = session->Query(
      "SELECT DISTINCT lower(a.function_name) FROM duckdb_functions() a WHERE "
      "a.function_type = 'aggregate'");
  ASSERT_TRUE(aggregates);
  EXPECT_GT(aggregates->rows(), 30u);
}

}  // namespace
}  // namespace millrace::pipeline
