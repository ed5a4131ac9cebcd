#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "query/query.hpp"
#include "schema/record_codec.hpp"
#include "sql/engine.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

/// No file grows.
class FullDisk {
 public:
  FullDisk() {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &limit_), 0);
    const rlimit none{0, limit_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit_), 0);
    std::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

class LakeTables : public testing::Test {
 protected:
  LakeTables() { Open(false); }

  void Open(bool read_only) {
    warehouse_.reset();
    EmbeddedWarehouseOptions options;
    options.directory = directory_.path();
    options.lake = directory_.path() / "lake";
    options.read_only = read_only;
    auto opened = OpenEmbeddedWarehouse(options);
    ASSERT_TRUE(opened) << opened.error().ToString();
    warehouse_ = std::move(*opened);
  }

  /// Writes the rows of a SELECT as a part.
  void WritePart(const std::string& folder, int number, const std::string& select) {
    WritePart(folder, "part-" + std::to_string(number), select);
  }
  void WritePart(const std::string& folder, const std::string& name,
                 const std::string& select) {
    const auto path = directory_.path() / "lake" / folder;
    fs::create_directories(path);
    sql::EngineOptions options;
    options.directories = {path};
    const auto engine = sql::Engine::Open(options);
    ASSERT_TRUE(engine);
    const auto session = (*engine)->Connect();
    ASSERT_TRUE(session);
    const auto file = (path / (name + ".parquet")).string();
    const auto written = (*session)->Run("COPY (" + select + ") TO " +
                                         sql::QuoteText(file) + " (FORMAT parquet)");
    ASSERT_TRUE(written) << written.error().ToString();
  }

  std::vector<std::string> Read(const std::string& select) {
    std::vector<std::string> rows;
    const auto read =
        warehouse_->Query(select, Deadline::Never(), [&](const sql::Batch& block) {
          for (std::size_t row = 0; row < block.rows(); ++row) {
            block.AppendJsonRow(rows.emplace_back(), row);
          }
          return true;
        });
    EXPECT_TRUE(read) << read.error().ToString();
    return rows;
  }

  /// The values of `n`, page by page; of at most a hundred pages.
  std::vector<int> AllPages(const std::string& name, const std::string& raw) {
    std::vector<int> numbers;
    std::string cursor;
    for (int i = 0; i < 100; ++i) {
      const auto table = warehouse_->FindTable(name);
      EXPECT_TRUE(table) << table.error().ToString();
      const auto query = query::Parse(raw + cursor, name, table->columns, table->key);
      EXPECT_TRUE(query) << query.error().ToString();
      const auto page = warehouse_->Rows(*table, *query, Deadline::Never());
      EXPECT_TRUE(page) << page.error().ToString();
      for (const auto& row : page->rows) {
        EXPECT_EQ(row.find("_mr_"), std::string::npos) << row;
        numbers.push_back(std::stoi(std::string(schema::FindMember(row, "n"))));
      }
      if (!page->next_cursor) break;
      EXPECT_EQ(page->rows.size(), query->limit);
      cursor = "&cursor=" + *page->next_cursor;
    }
    return numbers;
  }

  TestDirectory directory_;
  std::unique_ptr<Warehouse> warehouse_;
};

TEST_F(LakeTables, AreNamedByTheirFolder) {
  WritePart("orders/history", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  EXPECT_THAT(Read("SELECT * FROM lake.orders_history"),
              ElementsAre(R"({"_offset":0,"id":"a"})"));
  const auto tables = warehouse_->Tables();
  ASSERT_TRUE(tables);
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ((*tables)[0].name, "lake.orders_history");
  EXPECT_EQ((*tables)[0].key, "_offset");
  EXPECT_EQ((*tables)[0].columns.size(), 2u);
}

TEST_F(LakeTables, AreNotWhatIsStillBeingWritten) {
  WritePart("orders/_staging", 1, "SELECT 0::BIGINT AS _offset");
  EXPECT_EQ(warehouse_->Tables()->size(), 0u);
}

TEST_F(LakeTables, ShowLaterPartsAndTheirNewColumns) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  EXPECT_EQ(Read("SELECT * FROM lake.orders").size(), 1u);
  WritePart("orders", 2, "SELECT 1::BIGINT AS _offset, 'b' AS id, 5::BIGINT AS weight");
  EXPECT_THAT(Read("SELECT * FROM lake.orders ORDER BY _offset"),
              ElementsAre(R"({"_offset":0,"id":"a","weight":null})",
                          R"({"_offset":1,"id":"b","weight":5})"));
}

TEST_F(LakeTables, AreGoneWithTheirFolder) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset");
  EXPECT_EQ(warehouse_->Tables()->size(), 1u);
  fs::remove_all(directory_.path() / "lake" / "orders");
  EXPECT_EQ(warehouse_->Tables()->size(), 0u);
}

/// As at too many open files, or a failing disk.
TEST_F(LakeTables, AreNotGoneWhereFoldersCannotBeListed) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset");
  ASSERT_EQ(warehouse_->Tables()->size(), 1u);
  const auto lake = directory_.path() / "lake", away = directory_.path() / "away";
  fs::rename(lake, away);
  std::ofstream(lake) << "no directory";
  const auto refused = warehouse_->Tables();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  const auto found = warehouse_->FindTable("lake.orders");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kUnavailable);
  fs::remove(lake);
  fs::rename(away, lake);
  EXPECT_EQ(warehouse_->Tables()->size(), 1u);
}

/// The view of a folder that is gone stays for now: nobody else minds.
TEST_F(LakeTables, OfNoFolderAreInNobodysWayOnAFullDisk) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset");
  WritePart("returns", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  ASSERT_EQ(warehouse_->Tables()->size(), 2u);
  fs::remove_all(directory_.path() / "lake" / "orders");
  {
    const FullDisk full;
    EXPECT_THAT(Read("SELECT id FROM lake.returns"), ElementsAre(R"({"id":"a"})"));
    EXPECT_EQ(warehouse_->Tables()->size(), 1u);
    EXPECT_FALSE(warehouse_->FindTable("lake.orders"));
  }
  EXPECT_EQ(warehouse_->Tables()->size(), 1u);
  EXPECT_EQ(Read("SELECT 1 FROM duckdb_views() WHERE schema_name = 'lake'").size(), 1u);
}

TEST_F(LakeTables, GiveRowsByPages) {
  WritePart("orders", 1,
            "SELECT i::BIGINT AS _offset, 'k' || i AS id FROM range(10) t(i)");
  const auto tables = warehouse_->Tables();
  ASSERT_TRUE(tables);
  const auto& columns = (*tables)[0].columns;
  std::string raw = "_offset=gte.3&limit=4";
  std::size_t rows = 0;
  for (int page = 0; page < 2; ++page) {
    const auto query = query::Parse(raw, "lake.orders", columns, "_offset");
    ASSERT_TRUE(query) << query.error().ToString();
    const auto got = warehouse_->Rows((*tables)[0], *query, Deadline::Never());
    ASSERT_TRUE(got) << got.error().ToString();
    EXPECT_FALSE(got->position);
    rows += got->rows.size();
    raw = "_offset=gte.3&limit=4&cursor=" + got->next_cursor.value_or("");
  }
  EXPECT_EQ(rows, 7u);
}

/// Partitions count offsets of their own streams, and old files may have none: rows that
/// are equal in all that is ordered by stand on two pages.
TEST_F(LakeTables, GiveEachRowOnOnePage) {
  WritePart("orders", "part-0000-00000000000000000000",
            "SELECT i AS n FROM range(3) t(i)");
  WritePart("orders", "part-0000-00000000000000000003",
            "SELECT i + 3 AS n, i AS _offset FROM range(9) t(i)");
  WritePart("orders", "part-0001-00000000000000000000",
            "SELECT i + 12 AS n, i AS _offset FROM range(5) t(i)");
  WritePart("orders", "part-0002-00000000000000000000",
            "SELECT i + 17 AS n, i // 2 AS _offset FROM range(9) t(i)");
  WritePart("plain", "part-0000-00000000000000000000",
            "SELECT i AS n FROM range(5) t(i)");
  WritePart("named", "part-0000-00000000000000000000",
            "SELECT i AS n, 'x' AS File_Row_Number, i AS _offset FROM range(5) t(i)");
  for (const std::string order : {"", "&order=_offset.desc", "&order=n.desc"}) {
    for (const char* limit : {"limit=1", "limit=3", "limit=4", "limit=13"}) {
      SCOPED_TRACE(limit + order);
      auto numbers = AllPages("lake.orders", limit + order);
      ASSERT_EQ(numbers.size(), 26u);
      const auto* const without = order.empty() ? &numbers[23] : &numbers[0];
      if (order != "&order=n.desc") {
        EXPECT_EQ(std::vector(without, without + 3), (std::vector<int>{0, 1, 2}));
      }
      std::ranges::sort(numbers);
      EXPECT_EQ(std::ranges::unique(numbers).size(), 0u);
    }
  }
  EXPECT_EQ(AllPages("lake.orders", "_offset=is.null&limit=1").size(), 3u);
  EXPECT_EQ(AllPages("lake.orders", "_offset=gte.1&limit=3").size(), 19u);
  EXPECT_EQ(AllPages("lake.plain", "limit=2").size(), 5u) << "no column orders it";
  EXPECT_EQ(AllPages("lake.named", "limit=2").size(), 5u);
}

TEST_F(LakeTables, KeepTheirValuesWhateverTheirFoldersAreNamed) {
  WritePart("env=prod/orders", 1, "SELECT 0::BIGINT AS _offset, 'test' AS env");
  const auto table = warehouse_->FindTable("lake.env=prod_orders");
  ASSERT_TRUE(table) << table.error().ToString();
  EXPECT_THAT(Read("SELECT env FROM lake.\"env=prod_orders\""),
              ElementsAre(R"({"env":"test"})"));
}

/// Views of versions before read the values from the path.
TEST_F(LakeTables, AreDefinedAnewWhereTheyTookPathsForColumns) {
  WritePart("env=prod/orders", 1, "SELECT 0::BIGINT AS _offset, 'test' AS env");
  warehouse_.reset();
  {
    sql::EngineOptions options;
    options.database = directory_.path() / "warehouse.duckdb";
    options.directories = {directory_.path() / "lake"};
    const auto engine = sql::Engine::Open(options);
    ASSERT_TRUE(engine);
    const auto defined =
        (*(*engine)->Connect())
            ->Run(
                "CREATE SCHEMA IF NOT EXISTS lake; CREATE VIEW "
                "lake.\"env=prod_orders\" AS SELECT * FROM read_parquet(" +
                sql::QuoteText((directory_.path() / "lake/env=prod/orders/part-*.parquet")
                                   .string()) +
                ", union_by_name = true); CHECKPOINT");
    ASSERT_TRUE(defined) << defined.error().ToString();
  }
  Open(false);
  EXPECT_THAT(Read("SELECT env FROM lake.\"env=prod_orders\""),
              ElementsAre(R"({"env":"test"})"));
}

TEST_F(LakeTables, OneThatCannotBeReadLeavesTheOthers) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  WritePart("orders_history", 1, "SELECT 0::BIGINT AS _offset, 'b' AS id");
  WarehouseDriver driver(*warehouse_);
  driver.Open();
  driver.Apply({{"a", 1, "one"}});
  std::ofstream(directory_.path() / "lake/orders/part-1.parquet") << "rubbish";
  for (const char* name : {"orders", "lake.orders_history"}) {
    const auto table = warehouse_->FindTable(name);
    ASSERT_TRUE(table) << table.error().ToString();
    EXPECT_TRUE(warehouse_->Rows(*table, {}, Deadline::Never()));
  }
  const auto tables = warehouse_->Tables();
  ASSERT_TRUE(tables) << tables.error().ToString();
  EXPECT_EQ(tables->size(), 3u);
  EXPECT_THAT(Read("SELECT id FROM lake.orders_history"), ElementsAre(R"({"id":"b"})"));
  const auto refused = warehouse_->FindTable("lake.orders");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("part-1.parquet"));
  const auto unread =
      warehouse_->Query("SELECT count(*) FROM lake.orders", Deadline::Never(),
                        [](const sql::Batch&) { return true; });
  ASSERT_FALSE(unread);
  EXPECT_THAT(unread.error().message(), testing::HasSubstr("part-1.parquet"));
  // Mended by whoever broke it.
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  EXPECT_THAT(Read("SELECT id FROM lake.orders"), ElementsAre(R"({"id":"a"})"));
}

TEST_F(LakeTables, CanBeReadWithTablesByAToolThatOnlyReads) {
  WritePart("orders", 1, "SELECT 0::BIGINT AS _offset, 'a' AS id");
  WarehouseDriver driver(*warehouse_);
  driver.Open();
  driver.Apply({{"a", 1, "one"}});
  EXPECT_EQ(Read("SELECT * FROM lake.orders").size(), 1u);
  Open(true);
  EXPECT_THAT(Read("SELECT o.note FROM orders o JOIN lake.orders l USING (id)"),
              ElementsAre(R"({"note":"one"})"));
  EXPECT_EQ(warehouse_->Tables()->size(), 2u);
  const auto refused = warehouse_->OpenTable(OrdersSpec());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(LakeTables, NothingElseOfTheDiskCanBeRead) {
  const auto refused =
      warehouse_->Query("SELECT * FROM read_text('/etc/hostname')", Deadline::Never(),
                        [](const sql::Batch&) { return true; });
  EXPECT_FALSE(refused);
}

TEST(ReadOnlyWarehouse, ReplaysWhatAKilledProcessLeft) {
  const TestDirectory directory;
  const auto live = directory.path() / "live";
  const auto copy = directory.path() / "copy";
  EmbeddedWarehouseOptions options;
  options.directory = live;
  {
    const auto warehouse = OpenEmbeddedWarehouse(options);
    ASSERT_TRUE(warehouse);
    WarehouseDriver driver(**warehouse);
    driver.Open();
    driver.Apply({{"a", 1, "one"}});
    fs::copy(live, copy, fs::copy_options::recursive);
  }
  options.directory = copy;
  options.read_only = true;
  const auto warehouse = OpenEmbeddedWarehouse(options);
  ASSERT_TRUE(warehouse) << warehouse.error().ToString();
  EXPECT_EQ(WarehouseDriver(**warehouse).ReadAll(),
            (std::vector<TestRow>{{"a", 1, "one"}}));
}

TEST(ReadOnlyWarehouse, SaysThatThereIsNone) {
  const TestDirectory directory;
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.read_only = true;
  const auto none = OpenEmbeddedWarehouse(options);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::warehouse
