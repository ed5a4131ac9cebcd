#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <semaphore>
#include <string>

#include "sql/engine.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

/// A table with one insert-only column, opened anew for each call.
class FirstValues : public testing::Test {
 protected:
  static TableSpec Spec(const std::string& type) {
    return {
        "kept",  "id", {{"id", TypeOf("text")}, {"qty", TypeOf(type)}}, "flow/table", 0,
        {"qty"}, {}};
  }

  /// Writes a row for each of two keys, and waits until they are merged.
  void ApplyMerged(const std::string& type, std::int64_t qty) {
    std::counting_semaphore<> merged(0);
    EmbeddedWarehouseOptions options;
    options.directory = directory_.path();
    options.min_merge_rows = 2;
    options.on_merge_step = [&](std::string_view step) {
      if (step == "swapped") merged.release();
    };
    const auto warehouse = OpenEmbeddedWarehouse(options);
    ASSERT_TRUE(warehouse) << warehouse.error().ToString();
    const auto position = (*warehouse)->OpenTable(Spec(type));
    ASSERT_TRUE(position) << position.error().ToString();
    if (!*position) ASSERT_TRUE((*warehouse)->StartTable("kept", 0, 0));
    const Offset next = *position ? (*position)->next : 0;
    auto columns = Spec(type).columns;
    columns.push_back({"_version", TypeOf("text")});
    sql::BatchBuilder builder(columns);
    for (const std::string& id : {std::string("a"), "b" + std::to_string(next)}) {
      builder.SetText(0, id);
      builder.SetInt(1, qty);
      builder.SetText(2, VersionAt(next + 1).ToHex());
      builder.EndRow();
    }
    ASSERT_TRUE((*warehouse)
                    ->Apply("kept", builder.Finish(), TombstoneBatch({}), next,
                            {next + 2, VersionAt(next + 1)}));
    ASSERT_TRUE(merged.try_acquire_for(std::chrono::seconds(60))) << "a merge fails";
    EXPECT_EQ((*warehouse)->Tables()->front().delta_rows, 0u);
    rows_.clear();
    ASSERT_TRUE((*warehouse)
                    ->Query("SELECT id || ' ' || qty FROM kept ORDER BY id",
                            Deadline::Never(), [&](const sql::Batch& block) {
                              for (std::size_t row = 0; row < block.rows(); ++row) {
                                rows_.emplace_back(block.Text(0, row));
                              }
                              return true;
                            }));
  }

  void Widen() {
    EmbeddedWarehouseOptions options;
    options.directory = directory_.path();
    const auto warehouse = OpenEmbeddedWarehouse(options);
    ASSERT_TRUE(warehouse);
    ASSERT_TRUE((*warehouse)->OpenTable(Spec("bigint")));
  }

  /// As versions left it that widened the column alone.
  void NarrowFirstValues() {
    sql::EngineOptions options;
    options.database = directory_.path() / "warehouse.duckdb";
    const auto engine = sql::Engine::Open(options);
    ASSERT_TRUE(engine);
    const auto session = (*engine)->Connect();
    const auto base = (*session)->Query(
        "SELECT table_name FROM duckdb_columns() WHERE column_name = '_mr_first.qty'");
    ASSERT_TRUE(base && base->rows() == 1);
    const auto narrowed =
        (*session)->Run("ALTER TABLE _mr." + sql::QuoteName(base->Text(0, 0)) +
                        " ALTER COLUMN \"_mr_first.qty\" SET DATA TYPE INTEGER; "
                        "CHECKPOINT");
    ASSERT_TRUE(narrowed) << narrowed.error().ToString();
  }

  TestDirectory directory_;
  std::vector<std::string> rows_;
};

TEST_F(FirstValues, AreWidenedWithTheirColumn) {
  ApplyMerged("integer", 1);
  ApplyMerged("bigint", 3'000'000'000);
  EXPECT_THAT(rows_, testing::ElementsAre("a 1", "b0 1", "b2 3000000000"));
}

TEST_F(FirstValues, AreWidenedWhereOnlyTheirColumnWas) {
  ApplyMerged("integer", 1);
  Widen();
  NarrowFirstValues();
  ApplyMerged("bigint", 3'000'000'000);
  EXPECT_THAT(rows_, testing::ElementsAre("a 1", "b0 1", "b2 3000000000"));
}

}  // namespace
}  // namespace millrace::warehouse
