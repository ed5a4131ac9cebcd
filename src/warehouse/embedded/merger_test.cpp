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

}  // namespace
}  // namespace millrace::warehouse
