#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

EmbeddedWarehouseOptions Options(const fs::path& directory) {
  EmbeddedWarehouseOptions options;
  options.directory = directory;
  options.min_merge_rows = 40;
  options.checkpoint_wal = 1;  // after each merge
  return options;
}

std::unique_ptr<Warehouse> Open(EmbeddedWarehouseOptions options) {
  auto opened = OpenEmbeddedWarehouse(std::move(options));
  EXPECT_TRUE(opened) << opened.error().ToString();
  return opened ? std::move(*opened) : nullptr;
}

/// What a killed process leaves: the files as they are at this moment.
void CopyFiles(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.is_regular_file()) fs::copy(entry.path(), to / entry.path().filename());
  }
}

/// Three merges of 60 rows with updates, tombstones and late versions.
void ApplyThreeMerges(WarehouseDriver& driver, WarehouseModel& model, std::size_t upto) {
  for (std::uint64_t n = driver.next() / 12; n < upto; ++n) {
    std::vector<TestRow> rows;
    for (std::uint64_t i = 0; i < 10; ++i) {
      const std::uint64_t version = 1000 + 12 * n + i - (i == 3 ? 90 : 0);
      rows.push_back({"k" + std::to_string((n * 7 + i * 5) % 80), version,
                      "v" + std::to_string(version)});
    }
    const std::vector<TestRow> tombstones{
        {"k" + std::to_string(n % 80), 1000 + 12 * n + 10, ""},
        {"k" + std::to_string((n + 40) % 80), 1000 + 12 * n + 11, ""}};
    model.Apply(rows, tombstones);
    driver.Apply(rows, tombstones);
  }
}

class CrashWithinMerge : public testing::TestWithParam<const char*> {};

TEST_P(CrashWithinMerge, LosesNothingAndGoesOn) {
  const TestDirectory directory;
  const auto copies = directory.path() / "copies";
  const auto live = directory.path() / "live";
  {
    int merges = 0;
    auto options = Options(live);
    // The merging thread stands still in each step while its files are copied; appends
    // go on beside it.
    options.on_merge_step = [&](std::string_view step) {
      if (step == GetParam()) CopyFiles(live, copies / std::to_string(merges++));
    };
    const auto warehouse = Open(options);
    ASSERT_TRUE(warehouse);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    WarehouseModel model;
    ApplyThreeMerges(driver, model, 30);
    EXPECT_EQ(driver.ReadAll(), model.Rows());
  }
  std::size_t looked_at = 0;
  for (const auto& copy : fs::directory_iterator(copies)) {
    SCOPED_TRACE(copy.path().string());
    for (int open = 0; open < 2; ++open) {
      const auto warehouse = Open(Options(copy.path()));
      ASSERT_TRUE(warehouse);
      WarehouseDriver driver(*warehouse);
      driver.Open();
      // Everything up to the position is there, as if it had been applied to a map …
      WarehouseModel model;
      const TestDirectory other;
      const auto reference = Open(Options(other.path()));
      WarehouseDriver writer(*reference);
      writer.Open();
      ApplyThreeMerges(writer, model, driver.next() / 12);
      EXPECT_EQ(driver.ReadAll(), model.Rows());
      // … and it goes on from there.
      ApplyThreeMerges(driver, model, driver.next() / 12 + 5);
      EXPECT_EQ(driver.ReadAll(), model.Rows());
    }
    ++looked_at;
  }
  EXPECT_GE(looked_at, 1u);
}

INSTANTIATE_TEST_SUITE_P(Steps, CrashWithinMerge,
                         testing::Values("frozen", "before_swap", "swapped",
                                         "after_checkpoint"),
                         [](const auto& info) { return std::string(info.param); });

TEST(EmbeddedWarehouse, WritesABaseAnewThatIsMostlyEmpty) {
  const TestDirectory directory;
  auto options = Options(directory.path());
  options.min_merge_rows = 60'000;
  const auto warehouse = Open(options);
  ASSERT_TRUE(warehouse);
  WarehouseDriver driver(*warehouse);
  driver.Open();
  std::uint64_t version = 0;
  WarehouseModel model;
  for (int round = 0; round < 5; ++round) {
    std::vector<TestRow> rows;
    for (int i = 0; i < 60'000; ++i) {
      rows.push_back({"k" + std::to_string(i), ++version, "x"});
    }
    model.Apply(rows, {});
    driver.Apply(rows);
  }
  EXPECT_EQ(driver.ReadAll(), model.Rows());
  const auto tables = warehouse->Tables();
  ASSERT_TRUE(tables);
  EXPECT_LE((*tables)[0].base_rows, 60'000u);
}

}  // namespace
}  // namespace millrace::warehouse
