#include "sort_sql.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <semaphore>

#include "sql/engine.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

using testing::ElementsAre;

TEST(SortColumns, AreThoseOfTheFirstIndex) {
  const schema::Columns columns = {{"a", TypeOf("text")}, {"b", TypeOf("text[]")}};
  EXPECT_THAT(SortColumns(columns, {}), ElementsAre());
  EXPECT_THAT(SortColumns(columns, {{"a"}, {"b"}}), ElementsAre("a"));
  EXPECT_THAT(SortColumns(columns, {{"a", "b"}}), ElementsAre()) << "lists have no order";
  EXPECT_THAT(SortColumns(columns, {{"gone"}}), ElementsAre());
}

TEST(SortedBase, IsReadFromAComment) {
  const TableShape shape{"t", "k", {{"k", TypeOf("text")}}, 3, 0, {}, {}, {"k"}};
  EXPECT_EQ(SetSorted(shape, 12),
            R"(COMMENT ON TABLE _mr."t.base.3" IS 'sorted 12 ORDER BY "k"')");
  const auto sorted = ParseSorted(R"(sorted 12 ORDER BY "k")");
  EXPECT_EQ(sorted.rows, 12u);
  EXPECT_EQ(sorted.order, OrderOf(shape));
  for (const char* other : {"", "mine", "sorted", "sorted x"}) {
    EXPECT_EQ(ParseSorted(other).rows, 0u) << other;
  }
}

/// Values of every type, nulls, NaN, and texts that SQL might read otherwise.
TEST(SortRanges, HaveEachRowOnce) {
  struct Case {
    const char* type;
    const char* value;  ///< of the number i
    bool parted = true;
  };
  const Case cases[] = {
      {"bigint", "i - 500"},
      {"double", "CASE i % 7 WHEN 0 THEN 'nan' WHEN 1 THEN 'inf' ELSE i / 3 END"},
      {"decimal(10,2)", "i / 4"},
      {"text", "'it''s ' || i"},
      {"text", "chr((i % 40 + 1)::INT) || '\\' || i", false},
      {"timestamp", "TIMESTAMPTZ '2013-01-01 00:00:00+00' + to_seconds(i)"},
      {"date", "DATE '2013-01-01' + i::INT"},
      {"date", "DATE '9999-06-01' + i::INT"},
      {"date", "DATE '32767-06-01' + i::INT"},
      {"timestamp", "TIMESTAMPTZ '0001-01-01 00:00:00+00' + to_hours(i::INT - 500)"},
      {"uuid", "md5(i::VARCHAR)"},
      {"boolean", "i % 2 = 0"},
      {"bytes", "encode('b' || i)"},
      {"bigint", "NULL", false},
      {"bigint", "7"},
  };
  const auto engine = *sql::Engine::Open({});
  const auto session = *engine->Connect();
  ASSERT_TRUE(session->Run("CREATE SCHEMA _mr"));
  std::uint64_t number = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.type) + " " + c.value);
    const TableShape shape{
        "t", "k",  {{"k", TypeOf("bigint")}, {"v", TypeOf(c.type)}}, number++, 0, {},
        {},  {"v"}};
    ASSERT_TRUE(session->Run(CreateBase(shape)));
    ASSERT_TRUE(session->Run(
        "INSERT INTO " + BaseTable(shape) + " SELECT 1, i, false, hash(i) % 1000, i, " +
        "CASE WHEN i % 10 > 0 THEN (" + c.value + ")::" + TypeOf(c.type).ToSql() +
        " END FROM range(1000) r(i)"));
    const auto bounds = session->Query(SelectBounds(shape, 5));
    ASSERT_TRUE(bounds) << bounds.error().ToString();
    const auto ranges = SortRanges(shape, *bounds);
    EXPECT_EQ(ranges.size() > 1, c.parted);
    std::int64_t rows = 0;
    for (const auto& range : ranges) {
      const auto counted =
          session->Query("SELECT count(*) FROM " + BaseTable(shape) + " WHERE " + range);
      ASSERT_TRUE(counted) << range;
      rows += counted->Int64(0, 0);
    }
    EXPECT_EQ(rows, 1000);
  }
}

TableSpec SortedSpec() {
  auto spec = OrdersSpec();
  spec.indexes = {{"amount"}, {"note"}};
  return spec;
}

/// What is in the base, in its order, without tombstones.
std::string BaseInItsOrder(const std::filesystem::path& directory) {
  sql::EngineOptions options;
  options.database = directory / "warehouse.duckdb";
  const auto engine = *sql::Engine::Open(options);
  const auto session = *engine->Connect();
  const auto base = session->Query(
      "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'orders.base.%'");
  const auto rows =
      session->Query("SELECT string_agg(amount::VARCHAR, ' ' ORDER BY rowid) FROM _mr." +
                     sql::QuoteName(base->Text(0, 0)));
  return std::string(rows->Text(0, 0));
}

/// `amount` is the version in hundredths: rows come in another order than the keys.
TEST(SortedTable, IsInOrderOfItsFirstIndexAndShowsTheSame) {
  const TestDirectory directory;
  std::counting_semaphore<> merged(0);
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.min_merge_rows = 40;
  options.max_merge_rows = 40;
  options.merge_slice_rows = 10;
  options.unsorted_rows = 0;
  options.on_merge_step = [&](std::string_view step) {
    if (step == "swapped") merged.release();
  };
  WarehouseModel model;
  {
    const auto warehouse = *OpenEmbeddedWarehouse(options);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    ASSERT_TRUE(warehouse->OpenTable(SortedSpec()));
    for (std::uint64_t round = 0; round < 2; ++round) {
      std::vector<TestRow> rows;
      for (std::uint64_t i = 0; i < 39; ++i) {
        const auto version = 100 + 1000 * round + i * 37 % 39;
        rows.push_back({"k" + std::to_string(round * 20 + i), version, "v"});
      }
      const std::vector<TestRow> gone = {{"k" + std::to_string(round), 5000, ""}};
      driver.Apply(rows, gone);
      model.Apply(rows, gone);
      merged.acquire();
      EXPECT_EQ(driver.ReadAll(), model.Rows());
    }
  }
  std::vector<std::uint64_t> versions;
  for (const auto& row : model.Rows()) versions.push_back(row.version);
  std::ranges::sort(versions);
  std::string expected;
  for (const auto version : versions) {
    expected += " " + std::to_string(version / 100) + "." +
                std::to_string(100 + version % 100).substr(1);
  }
  EXPECT_EQ(BaseInItsOrder(directory.path()), expected.substr(1));
}

}  // namespace
}  // namespace millrace::warehouse
