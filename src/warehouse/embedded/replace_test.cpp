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

/// A warehouse whose merges of `rows` wait at the first `step` until Go, row by row then.
class HeldMerge {
 public:
  HeldMerge(const fs::path& directory, std::uint64_t rows, std::string_view step) {
    EmbeddedWarehouseOptions options;
    options.directory = directory;
    options.min_merge_rows = rows;
    options.merge_slice_rows = 1;
    options.unsorted_rows = 0;
    options.quiet = std::chrono::milliseconds(1);
    options.on_merge_step = [this, step](std::string_view now) {
      if (now != step || ++steps_ != 1) return;
      begun_.set_value();
      go_.get_future().wait();
    };
    auto opened = OpenEmbeddedWarehouse(options);
    EXPECT_TRUE(opened) << opened.error().ToString();
    if (opened) warehouse_ = std::move(*opened);
  }
  Warehouse& operator*() const { return *warehouse_; }
  void WaitUntilItBegins() { begun_.get_future().wait(); }
  void Go() { go_.set_value(); }
  std::uint64_t steps() const { return steps_; }

 private:
  std::promise<void> begun_, go_;
  std::atomic<std::uint64_t> steps_ = 0;
  std::unique_ptr<Warehouse> warehouse_;
};

std::vector<TestRow> Rows(std::uint64_t count, const std::string& note) {
  std::vector<TestRow> rows;
  for (std::uint64_t i = 1; i <= count; ++i) {
    rows.push_back({"k" + std::to_string(i), i, note});
  }
  return rows;
}

/// A shadow has been filled just now, so a merge of it is likely under way.
TEST(Replace, DoesNotWaitForAMerge) {
  const TestDirectory directory;
  constexpr std::uint64_t kRows = 100;
  HeldMerge merge(directory.path(), kRows, "slice");
  auto& warehouse = *merge;
  WarehouseDriver driver(warehouse);
  driver.Open();
  driver.Apply({{"a", 1, "old"}});
  auto spec = OrdersSpec();
  spec.name = "shadow";
  ASSERT_TRUE(warehouse.OpenTable(spec));
  ASSERT_TRUE(warehouse.StartTable("shadow", 0, 0));
  ASSERT_TRUE(warehouse.Apply("shadow", RowsBatch(Rows(kRows, "new")), TombstoneBatch({}),
                              0, {kRows, VersionAt(kRows)}));
  merge.WaitUntilItBegins();
  merge.Go();
  ASSERT_TRUE(warehouse.Replace("orders", "shadow"));
  EXPECT_LT(merge.steps(), kRows);
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
  HeldMerge merge(directory.path(), kRows, "copied");
  auto& warehouse = *merge;
  WarehouseDriver driver(warehouse);
  driver.Open();
  auto sorted = OrdersSpec();
  sorted.indexes = {{"amount"}};
  ASSERT_TRUE(warehouse.OpenTable(sorted));
  MakeShadow(warehouse);
  driver.Apply(Rows(kRows, "old"));
  merge.WaitUntilItBegins();
  merge.Go();
  const auto done = warehouse.Replace("orders", "shadow");
  EXPECT_LT(merge.steps(), kRows);
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(driver.ReadAll(), (std::vector<TestRow>{{"b", 2, "new"}}));
  MakeShadow(warehouse);
  const auto again = warehouse.Replace("orders", "shadow");
  ASSERT_TRUE(again) << again.error().ToString();
}

}  // namespace
}  // namespace millrace::warehouse
