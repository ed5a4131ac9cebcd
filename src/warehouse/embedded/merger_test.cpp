#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

using std::chrono::milliseconds;

TEST(Merger, FoldsTheLogWhenWritersHaveGoneQuiet) {
  const TestDirectory directory;
  std::promise<void> folded;
  bool told = false;
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.quiet = milliseconds(50);
  const auto log = directory.path() / "warehouse.duckdb.wal";
  options.on_merge_step = [&](std::string_view step) {
    // A slow machine may seem quiet between two writes.
    if (step != "quiet" || told || std::filesystem::exists(log)) return;
    told = true;
    folded.set_value();
  };
  const auto warehouse = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(warehouse) << warehouse.error().ToString();
  WarehouseDriver driver(**warehouse);
  driver.Open();
  constexpr int kRows = 2'000;
  std::vector<TestRow> rows;
  for (int i = 0; i < kRows; ++i) {
    const auto version = static_cast<std::uint64_t>(i) + 1;
    rows.push_back({"k" + std::to_string(i), version, std::string(1'000, 'v')});
  }
  driver.Apply(rows, {});
  ASSERT_EQ(folded.get_future().wait_for(std::chrono::seconds(60)),
            std::future_status::ready);
  EXPECT_EQ(driver.ReadAll().size(), rows.size());
  EXPECT_EQ((*warehouse)->Tables()->front().merges, 0u) << "only folded";
}

/// A merge that commits between a statement's planning and its run would leave out rows
/// by what was known of the base before. Which read meets it is chance: hence so many.
TEST(Merger, AFilterFindsRowsThatAreBeingMerged) {
  const TestDirectory directory;
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.min_merge_rows = 40;
  options.merge_ratio = 0;
  options.merge_slice_rows = 15;
  const auto warehouse = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(warehouse) << warehouse.error().ToString();
  WarehouseDriver driver(**warehouse);
  driver.Open();
  constexpr int kBatches = 40, kRows = 40;
  std::uint64_t version = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    // Above all before: that is what the engine knows of a column.
    const auto note = std::to_string(1'000 + batch);
    std::vector<TestRow> rows;
    for (int i = 0; i < kRows; ++i) {
      ++version;
      rows.push_back({"k" + std::to_string(version), version, note});
    }
    driver.Apply(rows);
    // As long as it takes to merge them, and once more.
    for (bool merged = false; !merged;) {
      const auto merges = (*warehouse)->Tables()->front().merges;
      merged = merges > static_cast<std::uint64_t>(batch);
      std::int64_t found = 0;
      ASSERT_TRUE((*warehouse)
                      ->Query("SELECT count(*) FROM orders WHERE note = '" + note + "'",
                              Deadline::Never(), [&](const sql::Batch& block) {
                                if (block.rows() > 0) found = block.Int64(0, 0);
                                return true;
                              }));
      ASSERT_EQ(found, kRows) << note;
    }
  }
}

}  // namespace
}  // namespace millrace::warehouse
