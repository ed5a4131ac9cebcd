#include <fstream>
#include <thread>

#include "base/bytes.hpp"
#include "engine_fixture.hpp"

namespace millrace::sql {
namespace {

TEST_F(EngineTest, KeyHashIsTheChecksumThatIsStored) {
  EXPECT_EQ(Ask("SELECT mr_key_hash('123456789') h, mr_key_hash(42::VARCHAR) n, "
                "mr_key_hash(NULL) o"),
            R"({"h":3808858755,"n":)" + std::to_string(Crc32c("42")) + R"(,"o":null})");
  EXPECT_EQ(
      Ask("SELECT sum(mr_key_hash(t)::BIGINT) s FROM (VALUES ('a'), ('b')) v(t)"),
      R"({"s":")" + std::to_string(std::uint64_t{Crc32c("a")} + Crc32c("b")) + R"("})");
}

TEST_F(EngineTest, MapsTypesOfResults) {
  struct Case {
    const char* sql;
    const char* type;
    const char* json;
  };
  constexpr Case kCases[] = {
      {"'a'", "text", R"("a")"},
      {"true", "boolean", "true"},
      {"1::TINYINT", "integer", "1"},
      {"(-3)::SMALLINT", "integer", "-3"},
      {"200::UTINYINT", "integer", "200"},
      {"60000::USMALLINT", "integer", "60000"},
      {"4000000000::UINTEGER", "bigint", "4000000000"},
      {"18446744073709551615::UBIGINT", "decimal(20,0)", R"("18446744073709551615")"},
      {"sum(1::BIGINT)", "decimal(38,0)", R"("1")"},
      {"1.5::FLOAT", "double", "1.5"},
      {"2.25::DOUBLE", "double", "2.25"},
      {"1.5::DECIMAL(10,2)", "decimal(10,2)", R"("1.50")"},
      {"DATE '2013-01-31'", "date", R"("2013-01-31")"},
      {"DATE 'infinity'", "date", R"("infinity")"},
      {"DATE '12013-01-31'", "date", R"("12013-01-31")"},
      {"DATE '5000000-02-28'", "date", R"("5000000-02-28")"},
      {"DATE '0044-03-15 (BC)'", "date", R"("-0043-03-15")"},
      {"TIMESTAMPTZ '12013-01-31 10:00:00.5+00'", "timestamp",
       R"("12013-01-31T10:00:00.500000Z")"},
      {"TIMESTAMP '2013-01-31 10:00:00'", "timestamp", R"("2013-01-31T10:00:00Z")"},
      {"TIMESTAMPTZ '2013-01-31 10:00:00+01'", "timestamp", R"("2013-01-31T09:00:00Z")"},
      {"TIMESTAMP_NS '2013-01-31 10:00:00.5'", "text", R"("2013-01-31 10:00:00.5")"},
      {"'018F3A5B-1c2d-7e3f-8a9b-0c1d2e3f4a5b'::UUID", "uuid",
       R"("018f3a5b-1c2d-7e3f-8a9b-0c1d2e3f4a5b")"},
      {R"('{"a": [1, "x y"]}'::JSON)", "json", R"({"a":[1,"x y"]})"},
      {R"('[123456789012345678901234567890, 1.10]'::JSON)", "json",
       "[123456789012345678901234567890,1.10]"},
      {R"('{"a": 1, "a": 2}'::JSON)", "json", R"({"a":1,"a":2})"},
      {"'NaN'::JSON", "json", R"("NaN")"},
      {R"('{"a": [-Infinity]}'::JSON)", "json", R"("{\"a\": [-Infinity]}")"},
      {"'[1, 2,]'::JSON", "json", R"("[1, 2,]")"},
      {"'\\x00\\x01'::BLOB", "bytes", R"("AAE=")"},
      {"[1::SMALLINT, NULL]", "integer[]", "[1,null]"},
      {"INTERVAL 90 MINUTE", "text", R"("01:30:00")"},
      {"TIME '10:11:12'", "text", R"("10:11:12")"},
      {"'x'::ENUM('x','y')", "text", R"("x")"},
      {"MAP {'a': 1}", "text", R"("{a=1}")"},
      {"NULL", "integer", "null"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.sql);
    auto answer = session_->Query(std::string("SELECT ") + c.sql + " AS x -- comment");
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->columns()[0].type.ToString(), c.type);
    EXPECT_EQ(answer->columns()[0].name, "x");
    std::string json;
    answer->AppendJson(json, 0, 0);
    EXPECT_EQ(json, c.json);
  }
  EXPECT_EQ(Ask("SELECT {'a': 1::SMALLINT, 'b': ['x']} AS s, 1 AS s"),
            R"({"s":{"a":1,"b":["x"]},"s":1})");
}

TEST_F(EngineTest, BindsLiterals) {
  EXPECT_EQ(
      Ask("SELECT ?::BIGINT AS a, ?::VARCHAR AS b, ?::DECIMAL(9,2) AS c, ?::BOOLEAN "
          "AS d, ?::TIMESTAMPTZ AS e",
          {"9007199254740993", R"("x\"y")", R"("12.30")", "null",
           R"("2013-01-31T10:00:00Z")"}),
      R"({"a":9007199254740993,"b":"x\"y","c":"12.30","d":null,)"
      R"("e":"2013-01-31T10:00:00Z"})");
  EXPECT_EQ(Ask("SELECT ? AS a", {}).substr(0, 16), "invalid_argument");
}

TEST_F(EngineTest, SaysWhatIsWrong) {
  EXPECT_EQ(session_->Run("SELEC 1").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(session_->Query("SELECT nothing").error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(session_->Query("SELECT 'x'::INT").error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, ScansWhatARelationHoldsAtEachExecution) {
  ASSERT_TRUE(
      session_->AddRelation("changes", {{"n", Parse("bigint")}, {"t", Parse("text")}}));
  auto all = session_->Prepare("SELECT t, n FROM changes WHERE n % 2 = 1");
  ASSERT_TRUE(all) << all.error().ToString();
  auto count = session_->Prepare("SELECT count(*) AS c FROM changes");
  ASSERT_TRUE(count);
  EXPECT_EQ(all->Execute()->rows(), 0u);
  for (const std::int64_t from : {0, 100'000, 7}) {
    std::optional<Batch> batch = Numbers(from, 5000);
    session_->SetRelation("changes", &*batch);
    const auto answer = all->Execute();
    const auto counted = count->Execute();
    session_->SetRelation("changes", nullptr);
    batch.reset();  // the answer stands on its own
    ASSERT_EQ(answer->rows(), 2500u);
    EXPECT_EQ(counted->Int64(0, 0), 5000);
    for (std::size_t row = 0; row < answer->rows(); ++row) {
      const std::int64_t n = from + static_cast<std::int64_t>(row) * 2 + (from % 2 == 0);
      ASSERT_EQ(answer->Int64(1, row), n);  // in order
      ASSERT_EQ(answer->Text(0, row), "the text of number " + std::to_string(n));
    }
  }
  EXPECT_EQ(all->Execute()->rows(), 0u);
}

TEST_F(EngineTest, KeepsPlansValidWhenTheCatalogChanges) {
  ASSERT_TRUE(session_->AddRelation("changes", {{"n", Parse("bigint")}}));
  auto statement = session_->Prepare("SELECT n + 1 AS m FROM changes");
  const Batch batch = Numbers(41, 1);
  session_->SetRelation("changes", &batch);
  ASSERT_TRUE(session_->Run("CREATE TABLE other (a INTEGER)"));
  ASSERT_TRUE(session_->AddRelation("more", {{"x", Parse("text")}}));
  const auto answer = statement->Execute();
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_EQ(answer->Int64(0, 0), 42);
}

TEST_F(EngineTest, JoinsRelations) {
  ASSERT_TRUE(
      session_->AddRelation("changes", {{"n", Parse("bigint")}, {"t", Parse("text")}}));
  ASSERT_TRUE(
      session_->AddRelation("names", {{"n", Parse("bigint")}, {"t", Parse("text")}}));
  auto statement = session_->Prepare(
      "SELECT c.n, l.t, count(*) OVER () AS all_rows FROM changes c LEFT JOIN names l ON "
      "l.n = c.n ORDER BY c.n");
  ASSERT_TRUE(statement) << statement.error().ToString();
  const Batch changes = Numbers(0, 3000);
  const Batch names = Numbers(2999, 10);
  session_->SetRelation("changes", &changes);
  session_->SetRelation("names", &names);
  const auto answer = statement->Execute();
  ASSERT_EQ(answer->rows(), 3000u);
  EXPECT_TRUE(answer->IsNull(1, 2998));
  EXPECT_EQ(answer->Text(1, 2999), "the text of number 2999");
}

TEST_F(EngineTest, RefusesABatchOfOtherTypes) {
  ASSERT_TRUE(session_->AddRelation("changes", {{"n", Parse("text")}}));
  const Batch batch = Numbers(0, 1);
  session_->SetRelation("changes", &batch);
  EXPECT_EQ(Ask("SELECT n FROM changes").substr(0, 16), "invalid_argument");
  ASSERT_TRUE(session_->AddRelation("changes", {{"missing", Parse("text")}}));
  session_->SetRelation("changes", &batch);
  EXPECT_EQ(Ask("SELECT missing FROM changes").substr(0, 16), "invalid_argument");
}

TEST_F(EngineTest, KeepsRelationsOfSessionsApart) {
  ASSERT_TRUE(session_->AddRelation("changes", {{"n", Parse("bigint")}}));
  auto other = *engine_->Connect();
  EXPECT_FALSE(other->Query("SELECT * FROM changes"));
  EXPECT_FALSE(other->Query("SELECT * FROM mr_relation(1)"));
}

TEST_F(EngineTest, AppendsInsideAnOpenTransaction) {
  ASSERT_TRUE(session_->Run("CREATE SCHEMA s; CREATE TABLE s.t (n BIGINT, t VARCHAR)"));
  const Batch batch = Numbers(0, 5000);
  ASSERT_TRUE(session_->Run("BEGIN"));
  ASSERT_TRUE(session_->Append("s", "t", batch));
  ASSERT_TRUE(session_->Run("ROLLBACK"));
  EXPECT_EQ(Ask("SELECT count(*) AS c FROM s.t"), R"({"c":0})");
  ASSERT_TRUE(session_->Run("BEGIN"));
  ASSERT_TRUE(session_->Append("s", "t", batch));
  ASSERT_TRUE(session_->Append("s", "t", batch));
  ASSERT_TRUE(session_->Run("COMMIT"));
  EXPECT_EQ(Ask("SELECT count(*) AS c, max(t) AS m FROM s.t"),
            R"({"c":10000,"m":"the text of number 999"})");
  EXPECT_FALSE(session_->Append("s", "none", batch));
  ASSERT_TRUE(session_->Run("CREATE TABLE one (n BIGINT)"));
  EXPECT_EQ(session_->Append("", "one", batch).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, IsLockedIn) {
  std::ofstream(directory_ / "secret.csv") << "a\n1\n";
  std::ofstream(directory_ / "open" / "data.csv") << "a\n1\n";
  const auto quoted = [&](const char* name) {
    return QuoteText((directory_ / name).string());
  };
  EXPECT_EQ(Ask("SELECT * FROM read_csv(" + quoted("open/data.csv") + ")"), R"({"a":1})");
  for (const std::string& text : {
           "SELECT * FROM read_csv(" + quoted("secret.csv") + ")",
           "SELECT * FROM read_csv(" + quoted("open/../secret.csv") + ")",
           "SELECT * FROM " + QuoteName((directory_ / "secret.csv").string()),
           "SELECT * FROM glob(" + quoted("*") + ")",
           std::string("SELECT getenv('HOME')"),
           std::string("SELECT * FROM read_text('/etc/passwd')"),
           std::string("SELECT * FROM read_csv('https://example.com/x.csv')"),
       }) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(session_->Query(text));
  }
  for (const char* text : {"SET enable_external_access = true", "SET threads = 8",
                           "SET lock_configuration = false", "INSTALL httpfs",
                           "LOAD httpfs", "ATTACH '/tmp/mr_other.db' AS other",
                           "SET TimeZone = 'Asia/Tokyo'", "RESET allowed_directories"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(session_->Run(text));
  }
}

TEST_F(EngineTest, ReadsBackEveryDateThatItGave) {
  for (const char* value :
       {"DATE '10000-01-01'", "DATE '5881580-07-10'", "DATE '0001-12-31 (BC)'",
        "DATE '0400-02-29'", "DATE '0401-02-28 (BC)'", "DATE '5000-01-01 (BC)'",
        "DATE '-infinity'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'",
        "TIMESTAMPTZ '10000-01-01 00:00:00+00'",
        "TIMESTAMPTZ '12013-01-31 10:11:12.131415+00'",
        "TIMESTAMPTZ '0044-03-15 (BC) 23:59:59.000001+00'",
        "TIMESTAMPTZ '0001-12-31 (BC) 00:00:00+00'", "TIMESTAMPTZ 'infinity'"}) {
    SCOPED_TRACE(value);
    const auto given = session_->Query(std::string("SELECT ") + value);
    ASSERT_TRUE(given) << given.error().ToString();
    std::string literal;
    given->AppendJson(literal, 0, 0);
    const auto text = QuoteText(literal.substr(1, literal.size() - 2));
    EXPECT_EQ(Ask(std::string("SELECT ") + value + " = CAST(" + text + " AS " +
                  given->columns()[0].type.ToSql() + ") AS same"),
              R"({"same":true})")
        << literal;
  }
}

TEST_F(EngineTest, LivesInUtc) {
  EXPECT_EQ(Ask("SELECT current_setting('TimeZone') AS z, TIMESTAMPTZ '2013-01-01 "
                "00:00:00+00'::VARCHAR AS t"),
            R"({"z":"UTC","t":"2013-01-01 00:00:00+00"})");
}

TEST_F(EngineTest, SerializesAndDeserializesASelect) {
  const auto tree = session_->SerializeSql("SELECT a, 'x''y' AS b FROM t WHERE c > 1");
  ASSERT_TRUE(tree) << tree.error().ToString();
  const auto text = session_->DeserializeSql(*tree);
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, "SELECT a, 'x''y' AS b FROM t WHERE (c > 1)");
  EXPECT_FALSE(session_->SerializeSql("DELETE FROM t"));
}

TEST_F(EngineTest, KeepsAFileDatabase) {
  EngineOptions options;
  options.database = directory_ / "file.duckdb";
  {
    auto engine = *Engine::Open(options);
    auto session = *engine->Connect();
    ASSERT_TRUE(session->Run("CREATE TABLE t AS SELECT 42 AS a"));
    ASSERT_TRUE(engine->Checkpoint());
  }
  auto engine = Engine::Open(options);
  ASSERT_TRUE(engine) << engine.error().ToString();
  EXPECT_EQ((*(*engine)->Connect())->Query("SELECT a FROM t")->Int64(0, 0), 42);
}

TEST_F(EngineTest, CallsADamagedFileDataLoss) {
  EngineOptions options;
  options.database = directory_ / "bad.duckdb";
  std::ofstream(options.database) << std::string(20'000, 'x');
  const auto engine = Engine::Open(options);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code(), ErrorCode::kDataLoss) << engine.error().message();
}

TEST_F(EngineTest, CanBeInterruptedFromAnotherThread) {
  std::jthread stopper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      session_->Interrupt();
      std::this_thread::yield();
    }
  });
  const auto answer = session_->Query(
      "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b");
  stopper.request_stop();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace millrace::sql
