#include "damaged_wal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

std::vector<TestRow> RowsIn(const fs::path& directory) {
  EmbeddedWarehouseOptions options;
  options.directory = directory;
  const auto warehouse = OpenEmbeddedWarehouse(options);
  EXPECT_TRUE(warehouse) << warehouse.error().ToString();
  return warehouse ? WarehouseDriver(**warehouse).ReadAll() : std::vector<TestRow>{};
}

class KilledWarehouse : public testing::Test {
 protected:
  /// A directory as a killed process leaves it, with two transactions in the write-ahead
  /// log; the second one begins at `second`.
  KilledWarehouse() {
    EmbeddedWarehouseOptions options;
    options.directory = directory.path() / "live";
    const auto warehouse = OpenEmbeddedWarehouse(options);
    if (!warehouse) throw std::runtime_error(warehouse.error().ToString());
    WarehouseDriver driver(**warehouse);
    driver.Open();
    driver.Apply({{"a", 1, "one"}});
    second = fs::file_size(options.directory / "warehouse.duckdb.wal");
    driver.Apply({{"b", 2, "two"}});
    fs::copy(options.directory, killed, fs::copy_options::recursive);
  }

  std::string Wal() const { return *ReadFile(killed / "warehouse.duckdb.wal"); }
  /// What is there after a start with this write-ahead log, and after the next start.
  std::vector<TestRow> RowsWith(const std::string& wal) const {
    const auto copy = directory.path() / "copy";
    fs::remove_all(copy);
    fs::copy(killed, copy, fs::copy_options::recursive);
    EXPECT_TRUE(WriteFileDurably(copy / "warehouse.duckdb.wal", wal));
    auto rows = RowsIn(copy);
    EXPECT_EQ(RowsIn(copy), rows);
    return rows;
  }

  TestDirectory directory;
  const fs::path killed = directory.path() / "killed";
  std::size_t second = 0;
};

const std::vector<TestRow> kFirst = {{"a", 1, "one"}};
const std::vector<TestRow> kBoth = {{"a", 1, "one"}, {"b", 2, "two"}};

TEST_F(KilledWarehouse, OpensWithALengthWhoseBytesNeverCame) {
  EXPECT_EQ(RowsWith(Wal() + std::string(5000, '\0')), kBoth);
}

TEST_F(KilledWarehouse, OpensWithoutATransactionOfWhichAPartNeverCame) {
  const auto wal = Wal();
  for (auto at = second; at + 8 <= wal.size(); at += 29) {
    auto torn = wal;
    torn.replace(at, 8, 8, '\xee');
    EXPECT_EQ(RowsWith(torn), kFirst) << at;
  }
}

TEST_F(KilledWarehouse, OpensWithoutATransactionThatIsCutAnywhere) {
  const auto wal = Wal();
  for (auto size = second; size < wal.size(); size += 29) {
    EXPECT_EQ(RowsWith(wal.substr(0, size)), kFirst) << size;
  }
}

TEST(NewWarehouse, OpensWhereAnEarlierStartFailedHalfWay) {
  const TestDirectory directory;
  ASSERT_TRUE(WriteFileDurably(directory.path() / "warehouse.duckdb.new", "half"));
  ASSERT_TRUE(WriteFileDurably(directory.path() / "warehouse.duckdb.new.wal", "half"));
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  const auto warehouse = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(warehouse) << warehouse.error().ToString();
  EXPECT_FALSE(fs::exists(directory.path() / "warehouse.duckdb.new"));
}

TEST(CutDamagedWal, LeavesFilesThatTheErrorDoesNotName) {
  const TestDirectory directory;
  const auto wal = directory.path() / "x.wal";
  ASSERT_TRUE(WriteFileDurably(wal, std::string(100, 'x')));
  const auto message =
      "WAL file \"/other.wal\": Corrupt WAL file: entry at byte position 50 computed";
  EXPECT_EQ(CutDamagedWal(wal, {ErrorCode::kDataLoss, message}), false);
  EXPECT_EQ(CutDamagedWal(wal, {ErrorCode::kDataLoss, "another \"" + wal.string() + '"'}),
            false);
  EXPECT_EQ(fs::file_size(wal), 100u);
}

}  // namespace
}  // namespace millrace::warehouse
