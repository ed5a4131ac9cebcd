#include <chrono>

#include "engine_fixture.hpp"

namespace millrace::sql {
namespace {

using std::chrono::milliseconds;

TEST_F(EngineTest, StreamsOnlySelects) {
  ASSERT_TRUE(session_->Run("CREATE TABLE t AS SELECT range AS n FROM range(100000)"));
  EXPECT_EQ(*CountStreamed("SELECT * FROM t;"), 100'000u);
  EXPECT_EQ(*CountStreamed("WITH x AS (SELECT 1) SELECT * FROM x"), 1u);
  EXPECT_GT(*CountStreamed("EXPLAIN SELECT * FROM t"), 0u);
  EXPECT_GT(*CountStreamed("/* why */ EXPLAIN ANALYZE SELECT * FROM t"), 0u);
  EXPECT_EQ(*CountStreamed("DESCRIBE t"), 1u);
  EXPECT_EQ(*CountStreamed("SHOW TABLES"), 1u);
  EXPECT_EQ(*CountStreamed("SUMMARIZE t"), 1u);
  for (const char* text :
       {"DELETE FROM t", "EXPLAIN ANALYZE DELETE FROM t", "SELECT 1; DELETE FROM t",
        "SET threads = 4", "CREATE TABLE u (a INT)", "COPY t TO '/tmp/x.csv'",
        "EXPLAIN ANALYZE COPY t TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'", "CHECKPOINT",
        "BEGIN", "LOAD httpfs", "CALL pragma_version()", "CALL checkpoint()", ""}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(StreamError(text), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(*CountStreamed("SELECT * FROM t"), 100'000u);
}

/// A SELECT, and yet it writes the file, or ends the database for everybody.
TEST_F(EngineTest, StreamsNoFunctionThatDoesMoreThanRead) {
  ASSERT_TRUE(session_->Run("CREATE TABLE t AS SELECT 1 AS n"));
  for (const char* text :
       {"SELECT * FROM checkpoint()", "FROM checkpoint ()",
        "FROM \"Checkpoint\"/* x */()", "FROM system.main.force_checkpoint()",
        "FROM checkpoint\u00a0()", "SELECT 1 WHERE EXISTS (FROM checkpoint -- x\n ())",
        "SUMMARIZE FROM checkpoint()", "EXPLAIN ANALYZE SELECT * FROM checkpoint()",
        "WITH x AS MATERIALIZED (FROM checkpoint()) FROM t",
        "FROM query('FROM checkpo' || 'int()')",
        "FROM json_execute_serialized_sql(json_serialize_sql('FROM t'))",
        "FROM enable_logging(storage = 'file', storage_path = '/tmp/x')",
        "FROM disable_logging()", "FROM enable_profiling(save_location = '/tmp/x.txt')",
        "FROM disable_profiling()", "FROM truncate_duckdb_logs()",
        "SELECT 'x'.write_log()", "FROM read_duckdb('/tmp/x.duckdb')"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(StreamError(text), ErrorCode::kInvalidArgument);
  }
  // Texts and names that look alike.
  for (const char* text :
       {"SELECT 'checkpoint()' || '\"function_name\":\"checkpoint\"' FROM t",
        "WITH query(a) AS (SELECT 1) SELECT a FROM query",
        "SELECT n AS checkpoint FROM t -- write_log()",
        "WITH my_query(n) AS (FROM t) FROM my_query"}) {
    SCOPED_TRACE(text);
    const auto rows = CountStreamed(text);
    EXPECT_TRUE(rows) << rows.error().ToString();
  }
}

/// Comments within comments: to who does not count them, the SELECT is what is explained.
TEST_F(EngineTest, RunsOnlyTheSelectThatWasLookedAt) {
  const auto file = directory_ / "open" / "written.parquet";
  const auto copy = "COPY (SELECT 42 AS a) TO " + QuoteText(file.string()) + "\n";
  for (const std::string& text :
       {"EXPLAIN ANALYZE /* /* */ SELECT 1 -- */ " + copy,
        "EXPLAIN ANALYZE /*/* /* */ SELECT 1 -- */*/" + copy,
        "EXPLAIN ANALYZE /* /* */ */ " + copy, "EXPLAIN ANALYZE -- x\r" + copy,
        "EXPLAIN (ANALYZE, FORMAT json) /* /* */ SELECT 1 -- */ " + copy,
        "EXPLAIN (ANALYZE /*)*/) " + copy, "EXPLAIN\u00a0ANALYZE " + copy,
        "EXPLAIN ANALYZE EXPLAIN ANALYZE " + copy,
        "SELECT * FROM (EXPLAIN ANALYZE " + copy + ")",
        "WITH x AS (" + copy + ") SELECT * FROM x"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(StreamError(text), ErrorCode::kInvalidArgument);
    EXPECT_FALSE(std::filesystem::exists(file));
  }
  for (const char* text :
       {"EXPLAIN ANALYZE /* /* */ COPY t TO 'x' -- */ SELECT 1",
        "EXPLAIN (FORMAT json) SELECT 1", "explain (analyze) (SELECT 1)",
        "EXPLAIN ANALYZE SELECT 1 -- why\n;", "EXPLAIN ANALYZE FROM range(3)"}) {
    SCOPED_TRACE(text);
    const auto rows = CountStreamed(text);
    EXPECT_TRUE(rows) << rows.error().ToString();
  }
}

TEST_F(EngineTest, SaysOfAStreamedStatementWhatTheEngineSaysOfIt) {
  EngineOptions options;
  options.memory_limit = 4u << 20u;
  engine_ = *Engine::Open(options);
  session_ = *engine_->Connect();
  EXPECT_EQ(StreamError("SELECT repeat('x', 1000) || n AS t FROM range(100000) r(n) "
                        "ORDER BY t DESC"),
            ErrorCode::kResourceExhausted);
  const auto cast = CountStreamed(
      "SELECT CAST('x' || n AS INT) FROM range(9) r(n) "
      "ORDER BY 1");
  ASSERT_FALSE(cast);
  EXPECT_TRUE(cast.error().message().starts_with("Conversion Error: "))
      << cast.error().message();
}

TEST_F(EngineTest, GivesTheColumnsOfAnEmptyAnswer) {
  std::string name;
  ASSERT_TRUE(session_->Stream("SELECT 1 AS a WHERE false", Deadline::Never(),
                               [&](const Batch& block) {
                                 name = block.columns()[0].name;
                                 return true;
                               }));
  EXPECT_EQ(name, "a");
}

TEST_F(EngineTest, StopsAStreamThatTheReaderLeft) {
  std::size_t blocks = 0;
  ASSERT_TRUE(session_->Stream("SELECT * FROM range(100000000000)", Deadline::Never(),
                               [&](const Batch&) { return ++blocks < 3; }));
  EXPECT_EQ(blocks, 3u);
  EXPECT_EQ(Ask("SELECT 1 AS a"), R"({"a":1})");
}

/// The engine alone waits for ever at each of the later ones.
TEST_F(EngineTest, StreamsUnionsOfJoins) {
  ASSERT_TRUE(session_->Run("CREATE TABLE t AS SELECT range AS n FROM range(100000)"));
  const std::string join = "SELECT a.n FROM t a JOIN t b ON a.n = b.n";
  const std::string newest =
      "(SELECT n FROM t QUALIFY row_number() OVER (PARTITION BY n % 10 ORDER BY n) = 1)";
  EXPECT_EQ(*CountStreamed("FROM t UNION ALL FROM t"), 200'000u);
  EXPECT_EQ(*CountStreamed(join + " UNION ALL " + join), 200'000u);
  EXPECT_EQ(*CountStreamed(join + " UNION ALL " + newest + ";"), 100'010u);
  EXPECT_EQ(*CountStreamed(newest + " UNION ALL " + join + " -- so many"), 100'010u);
  // Columns named alike, and one that is cast.
  EXPECT_EQ(*CountStreamed("SELECT a.n, b.n, a.n::HUGEINT FROM t a JOIN t b ON a.n = b.n "
                           "UNION ALL SELECT a.n, b.n, 1 FROM t a JOIN t b ON a.n = b.n"),
            200'000u);
  EXPECT_EQ(StreamError("SELECT a.n FROM t a JOIN t b ON a.n = b.n UNION ALL SELECT CASE "
                        "WHEN a.n = 90000 THEN 'x' ELSE '1' END::INT FROM t a JOIN t b "
                        "ON a.n = b.n"),
            ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, StopsAtTheDeadline) {
  const auto slow = CountStreamed(
      "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b",
      Deadline::After(milliseconds(30)));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(CountStreamed("SELECT 1", Deadline::After(milliseconds(0))).error().code(),
            ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(*CountStreamed("SELECT 1"), 1u);
}

TEST_F(EngineTest, ReportsAnErrorInTheMiddleOfAStream) {
  EXPECT_EQ(StreamError("SELECT CASE WHEN range = 900000 THEN 'x' ELSE '1' END::INT FROM "
                        "range(1000000)"),
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::sql
