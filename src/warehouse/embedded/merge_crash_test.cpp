#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>

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
  options.merge_slice_rows = 15;
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

/// Round `n` of the test's history: 10 rows, some of them late, and two tombstones.
struct Round {
  std::vector<TestRow> rows, tombstones;
};
constexpr std::size_t kRoundRows = 12;

Round MakeRound(std::uint64_t n) {
  const std::uint64_t first = 1000 + kRoundRows * n;
  Round round;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const std::uint64_t version = first + i - (i == 3 ? 90 : 0);
    round.rows.push_back({"k" + std::to_string((n * 7 + i * 5) % 80), version,
                          "v" + std::to_string(version)});
  }
  round.tombstones = {{"k" + std::to_string(n % 80), first + 10, ""},
                      {"k" + std::to_string((n + 40) % 80), first + 11, ""}};
  return round;
}

std::vector<TestRow> RowsAfter(std::uint64_t rounds) {
  WarehouseModel model;
  for (std::uint64_t n = 0; n < rounds; ++n) {
    const auto round = MakeRound(n);
    model.Apply(round.rows, round.tombstones);
  }
  return model.Rows();
}

void ApplyRounds(WarehouseDriver& driver, std::uint64_t count) {
  for (const auto end = driver.next() + count * kRoundRows; driver.next() < end;) {
    const auto round = MakeRound(driver.next() / kRoundRows);
    driver.Apply(round.rows, round.tombstones);
    if (testing::Test::HasFatalFailure()) return;
  }
}

void ExpectWhole(WarehouseDriver& driver) {
  EXPECT_EQ(driver.ReadAll(), RowsAfter(driver.next() / kRoundRows));
}

class CrashWithinMerge : public testing::TestWithParam<const char*> {};

TEST_P(CrashWithinMerge, LosesNothingAndGoesOn) {
  const TestDirectory directory;
  const auto copies = directory.path() / "copies";
  const auto live = directory.path() / "live";
  {
    int merges = 0;
    std::counting_semaphore<> seen(0);
    auto options = Options(live);
    // The merging thread stands still in each step while its files are copied; appends
    // go on beside it.
    options.on_merge_step = [&](std::string_view step) {
      if (step != GetParam()) return;
      CopyFiles(live, copies / std::to_string(merges++));
      seen.release();
    };
    const auto warehouse = Open(options);
    ASSERT_TRUE(warehouse);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    ApplyRounds(driver, 30);
    seen.acquire();
    ExpectWhole(driver);
  }
  std::size_t looked_at = 0;
  for (const auto& copy : fs::directory_iterator(copies)) {
    SCOPED_TRACE(copy.path().string());
    for (int open = 0; open < 2; ++open) {
      const auto warehouse = Open(Options(copy.path()));
      ASSERT_TRUE(warehouse);
      WarehouseDriver driver(*warehouse);
      driver.Open();
      ExpectWhole(driver);
      ApplyRounds(driver, 5);
      ExpectWhole(driver);
    }
    ++looked_at;
  }
  EXPECT_GE(looked_at, 1u);
}

INSTANTIATE_TEST_SUITE_P(Steps, CrashWithinMerge,
                         testing::Values("frozen", "slice", "before_swap", "swapped",
                                         "after_checkpoint"),
                         [](const auto& info) { return std::string(info.param); });

TEST(EmbeddedWarehouse, ACopyIsOfOneMomentWhileRowsAreAppliedAndMerged) {
  const TestDirectory directory;
  auto opened = OpenEmbeddedWarehouse(Options(directory.path() / "live"));
  ASSERT_TRUE(opened);
  WarehouseDriver driver(**opened);
  driver.Open();
  ApplyRounds(driver, 5);
  const auto before = driver.next();
  std::atomic<bool> ended = false;
  int copies = 0;
  std::thread copier([&] {
    do {
      const auto place = directory.path() / std::to_string(copies++);
      fs::create_directories(place);
      const auto copied =
          (*opened)->CopyTo(place / "warehouse.duckdb", [](std::uint64_t) {
            std::this_thread::yield();
            return Status();
          });
      EXPECT_TRUE(copied) << copied.error().ToString();
    } while (!ended);
  });
  ApplyRounds(driver, 60);
  ended = true;
  copier.join();
  ExpectWhole(driver);
  for (int copy = 0; copy < copies; ++copy) {
    SCOPED_TRACE(copy);
    const auto warehouse = Open(Options(directory.path() / std::to_string(copy)));
    ASSERT_TRUE(warehouse);
    WarehouseDriver of_copy(*warehouse);
    of_copy.Open();
    EXPECT_GE(of_copy.next(), before);
    ExpectWhole(of_copy);
    ApplyRounds(of_copy, 5);
    ExpectWhole(of_copy);
  }
}

/// Rounds that replace every row, each of them merged.
void ReplaceAll(WarehouseDriver& driver, std::counting_semaphore<>& merged,
                WarehouseModel& model) {
  std::uint64_t version = 0;
  for (int round = 0; round < 5; ++round) {
    std::vector<TestRow> rows;
    for (int i = 0; i < 60'000; ++i) {
      rows.push_back({"k" + std::to_string(i), ++version, "x"});
    }
    model.Apply(rows, {});
    driver.Apply(rows);
    merged.acquire();
  }
}

TEST(EmbeddedWarehouse, WritesABaseAnewThatIsMostlyEmpty) {
  const TestDirectory directory;
  const auto live = directory.path() / "live";
  const auto copy = directory.path() / "copy";
  auto options = Options(live);
  options.min_merge_rows = 60'000;
  options.merge_slice_rows = 15'000;
  {
    std::counting_semaphore<> merged(0);
    int copied = 0;  // of the merging thread alone
    options.on_merge_step = [&](std::string_view step) {
      if (step == "copied" && ++copied == 2) CopyFiles(live, copy);
      if (step == "swapped") merged.release();
    };
    const auto warehouse = Open(options);
    ASSERT_TRUE(warehouse);
    WarehouseDriver driver(*warehouse);
    driver.Open();
    WarehouseModel model;
    ReplaceAll(driver, merged, model);
    EXPECT_EQ(driver.ReadAll(), model.Rows());
    const auto tables = warehouse->Tables();
    ASSERT_TRUE(tables);
    EXPECT_LE((*tables)[0].base_rows, 60'000u);
  }
  ASSERT_TRUE(fs::exists(copy)) << "no base was written anew";
  const auto warehouse = Open(Options(copy));
  ASSERT_TRUE(warehouse);
  WarehouseDriver driver(*warehouse);
  driver.Open();
  const auto found = driver.ReadAll();
  ASSERT_EQ(found.size(), 60'000u);
  EXPECT_EQ(std::ranges::max(found, {}, &TestRow::version).version, driver.next());
}

}  // namespace
}  // namespace millrace::warehouse
