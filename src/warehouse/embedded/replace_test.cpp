#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

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

}  // namespace
}  // namespace millrace::warehouse
