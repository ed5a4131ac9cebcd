#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "sql/engine.hpp"
#include "test_directory.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> Contents(const fs::path& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().filename().string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

/// What a later version may have left, its last commits in the log alone.
void WriteNewer(const fs::path& directory, const std::string& table) {
  sql::EngineOptions options;
  options.database = directory / "warehouse.duckdb";
  const auto engine = sql::Engine::Open(options);
  ASSERT_TRUE(engine) << engine.error().ToString();
  const auto written =
      (*(*engine)->Connect())
          ->Run("CREATE SCHEMA _mr; CREATE TABLE _mr." + table +
                "(format INTEGER); CHECKPOINT; INSERT INTO _mr." + table +
                " VALUES (99); PRAGMA disable_checkpoint_on_shutdown");
  ASSERT_TRUE(written) << written.error().ToString();
}

TEST(NewerFormat, IsRefusedAndLeftAsItWas) {
  for (const std::string table : {"_mr_tables", "_mr_positions"}) {
    SCOPED_TRACE(table);
    const TestDirectory directory;
    WriteNewer(directory.path(), table);
    const auto before = Contents(directory.path());
    ASSERT_TRUE(before.contains("warehouse.duckdb.wal"));
    EmbeddedWarehouseOptions options;
    options.directory = directory.path();
    const auto refused = OpenEmbeddedWarehouse(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict) << refused.error().ToString();
    EXPECT_TRUE(Contents(directory.path()) == before);
  }
}

}  // namespace
}  // namespace millrace::warehouse
