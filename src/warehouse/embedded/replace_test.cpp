#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Warehouse> Open(const fs::path& directory) {
  EmbeddedWarehouseOptions options;
  options.directory = directory;
  auto opened = OpenEmbeddedWarehouse(std::move(options));
  EXPECT_TRUE(opened) << opened.error().ToString();
  return opened ? std::move(*opened) : nullptr;
}

/// A shadow of `orders` that has one other row.
void MakeShadow(Warehouse& warehouse) {
  auto spec = OrdersSpec();
  spec.name = "shadow";
  ASSERT_TRUE(warehouse.OpenTable(spec));
  ASSERT_TRUE(warehouse.StartTable("shadow", 0, 0));
  ASSERT_TRUE(warehouse.Apply("shadow", RowsBatch({{"b", 2, "new"}}), TombstoneBatch({}),
                              0, {1, VersionAt(2)}));
}

/// What a process leaves that is killed before, and after: all is in the log.
TEST(Replace, IsThereOrNotAfterACrash) {
  const TestDirectory directory;
  const auto live = directory.path() / "live";
  const auto before = directory.path() / "before";
  const auto after = directory.path() / "after";
  {
    const auto warehouse = Open(live);
    ASSERT_TRUE(warehouse);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    driver.Apply({{"a", 1, "old"}});
    MakeShadow(*warehouse);
    fs::copy(live, before);
    ASSERT_TRUE(warehouse->Replace("orders", "shadow"));
    fs::copy(live, after);
  }
  const std::pair<fs::path, std::vector<TestRow>> cases[] = {{before, {{"a", 1, "old"}}},
                                                             {after, {{"b", 2, "new"}}}};
  for (const auto& [copy, rows] : cases) {
    SCOPED_TRACE(copy.string());
    const auto warehouse = Open(copy);
    ASSERT_TRUE(warehouse);
    EXPECT_EQ(warehouse->Tables()->size(), copy == before ? 2u : 1u);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    EXPECT_EQ(driver.ReadAll(), rows);
    driver.Apply({{"c", 3, "on"}});
    EXPECT_EQ(driver.ReadAll().size(), 2u);
  }
}

/// A shadow has been filled just now, so a merge of it is likely under way.
TEST(Replace, DoesNotWaitForAMerge) {
  const TestDirectory directory;
  constexpr std::uint64_t kRows = 100;
  std::promise<void> merging, replacing;
  std::atomic<std::uint64_t> slices = 0;
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.min_merge_rows = kRows;
  options.merge_slice_rows = 1;
  options.quiet = std::chrono::milliseconds(1);
  options.on_merge_step = [&](std::string_view step) {
    if (step != "slice" || ++slices != 1) return;
    merging.set_value();
    replacing.get_future().wait();
  };
  const auto opened = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(opened) << opened.error().ToString();
  auto& warehouse = **opened;
  WarehouseDriver driver(warehouse);
  driver.Open();
  driver.Apply({{"a", 1, "old"}});
  auto spec = OrdersSpec();
  spec.name = "shadow";
  ASSERT_TRUE(warehouse.OpenTable(spec));
  ASSERT_TRUE(warehouse.StartTable("shadow", 0, 0));
  std::vector<TestRow> rows;
  for (std::uint64_t i = 1; i <= kRows; ++i) {
    rows.push_back({"k" + std::to_string(i), i, "new"});
  }
  ASSERT_TRUE(warehouse.Apply("shadow", RowsBatch(rows), TombstoneBatch({}), 0,
                              {kRows, VersionAt(kRows)}));
  merging.get_future().wait();
  replacing.set_value();
  ASSERT_TRUE(warehouse.Replace("orders", "shadow"));
  EXPECT_LT(slices.load(), kRows);
  EXPECT_EQ(driver.ReadAll().size(), kRows);
  // What was left of the merge is made up for once it is quiet.
  while (warehouse.Tables()->front().merges == 0) std::this_thread::yield();
  EXPECT_EQ(driver.ReadAll().size(), kRows);
  EXPECT_EQ(warehouse.Tables()->front().base_rows, kRows);
}

/// What is half written of the live table's new base is in nobody's way.
TEST(Replace, EndsABaseThatIsWrittenAnew) {
  const TestDirectory directory;
  constexpr std::uint64_t kRows = 300;
  std::promise<void> copying, replacing;
  std::atomic<std::uint64_t> parts = 0;
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.min_merge_rows = kRows;
  options.merge_slice_rows = 1;
  options.unsorted_rows = 0;
  options.on_merge_step = [&](std::string_view step) {
    if (step != "copied" || ++parts != 1) return;
    copying.set_value();
    replacing.get_future().wait();
  };
  const auto opened = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(opened) << opened.error().ToString();
  auto& warehouse = **opened;
  WarehouseDriver driver(warehouse);
  driver.Open();
  auto sorted = OrdersSpec();
  sorted.indexes = {{"amount"}};
  ASSERT_TRUE(warehouse.OpenTable(sorted));
  MakeShadow(warehouse);
  std::vector<TestRow> rows;
  for (std::uint64_t i = 1; i <= kRows; ++i) {
    rows.push_back({"k" + std::to_string(i), i, "old"});
  }
  driver.Apply(rows);
  copying.get_future().wait();
  std::future<Status> replaced = std::async(
      std::launch::async, [&] { return warehouse.Replace("orders", "shadow"); });
  // It has ended the merge by then, or waits for the step that is under way.
  replacing.set_value();
  const auto done = replaced.get();
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(driver.ReadAll(), (std::vector<TestRow>{{"b", 2, "new"}}));
  MakeShadow(warehouse);
  const auto again = warehouse.Replace("orders", "shadow");
  ASSERT_TRUE(again) << again.error().ToString();
}

}  // namespace
}  // namespace millrace::warehouse
