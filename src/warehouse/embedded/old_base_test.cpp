#include <gtest/gtest.h>

#include <algorithm>
#include <semaphore>

#include "sql/engine.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

constexpr std::uint64_t kRows = 100;

std::vector<TestRow> RowsFrom(std::uint64_t version) {
  std::vector<TestRow> rows;
  for (std::uint64_t i = 0; i < kRows; ++i) {
    rows.push_back({"k" + std::to_string(1000 + i), version + i, "v"});
  }
  return rows;
}

/// Applies the rows and waits until they are merged.
void ApplyMerged(const std::filesystem::path& directory,
                 const std::vector<TestRow>& rows) {
  std::counting_semaphore<> merged(0);
  EmbeddedWarehouseOptions options;
  options.directory = directory;
  options.min_merge_rows = kRows;
  options.merge_slice_rows = kRows / 4;
  options.on_merge_step = [&](std::string_view step) {
    if (step == "swapped") merged.release();
  };
  const auto warehouse = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(warehouse) << warehouse.error().ToString();
  WarehouseDriver driver(**warehouse);
  driver.Open();
  const auto before = driver.ReadAll().size();
  EXPECT_TRUE(before == 0 || before == kRows);
  driver.Apply(rows);
  merged.acquire();
  EXPECT_EQ(driver.ReadAll(), rows);
  const auto found = (*warehouse)->FindKey("orders", rows[7].id, Deadline::Never());
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->version, VersionAt(rows[7].version));
}

/// The base of `orders`, and whether it has hashes.
std::pair<std::string, bool> FindBase(sql::Session& session) {
  const auto rows = session.Query(
      "SELECT table_name, bool_or(column_name = '_mr_hash') FROM duckdb_columns() WHERE "
      "table_name LIKE 'orders.base.%' GROUP BY 1");
  EXPECT_TRUE(rows && rows->rows() == 1);
  return {std::string(rows->Text(0, 0)), rows->Int64(1, 0) != 0};
}

/// Format 1 had no hashes; what reads by key does without them until the next merge.
TEST(OldBase, GetsItsHashesWithTheNextMerge) {
  const TestDirectory directory;
  ApplyMerged(directory.path(), RowsFrom(1));
  sql::EngineOptions options;
  options.database = directory.path() / "warehouse.duckdb";
  {
    const auto engine = sql::Engine::Open(options);
    const auto session = (*engine)->Connect();
    const auto [name, hashed] = FindBase(**session);
    EXPECT_TRUE(hashed);
    // The view stands in the way of no change of a table.
    ASSERT_TRUE((*session)->Run("ALTER TABLE _mr." + sql::QuoteName(name) +
                                " DROP COLUMN _mr_hash; CHECKPOINT"));
  }
  {
    EmbeddedWarehouseOptions reading;
    reading.directory = directory.path();
    const auto warehouse = OpenEmbeddedWarehouse(reading);
    ASSERT_TRUE(warehouse) << warehouse.error().ToString();
    const auto found = (*warehouse)->FindKey("orders", "k1007", Deadline::Never());
    ASSERT_TRUE(found && *found);
  }
  ApplyMerged(directory.path(), RowsFrom(1000));
  const auto engine = sql::Engine::Open(options);
  const auto session = (*engine)->Connect();
  EXPECT_TRUE(FindBase(**session).second);
}

}  // namespace
}  // namespace millrace::warehouse
