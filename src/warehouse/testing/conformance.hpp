#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "query/query.hpp"
#include "warehouse/testing/warehouse_driver.hpp"

/// What warehouse.hpp promises, as tests. An adapter's test file includes this header and
/// instantiates it; nobody edits the suite to suit one adapter.
namespace millrace::warehouse {

/// A warehouse that starts empty and can be closed and opened again with what it holds.
class WarehouseUnderTest {
 public:
  virtual ~WarehouseUnderTest() = default;
  virtual Warehouse& warehouse() = 0;
  virtual void Reopen() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<WarehouseUnderTest>()> make;
};

inline void PrintTo(const Adapter& adapter, std::ostream* out) { *out << adapter.name; }

inline std::string AdapterName(const testing::TestParamInfo<Adapter>& info) {
  return info.param.name;
}

class WarehouseConformance : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    OpenDriver();
  }
  void TearDown() override { driver_.reset(); }

  Warehouse& warehouse() { return under_test_->warehouse(); }
  WarehouseDriver& orders() { return *driver_; }
  void Reopen() {
    driver_.reset();
    under_test_->Reopen();
    OpenDriver();
  }

  /// The page of a raw query, as a client would ask.
  Result<Warehouse::RowsPage> Page(const std::string& raw,
                                   const std::string& cursor = "") {
    MR_TRY(const auto tables, warehouse().Tables());
    const auto text = cursor.empty() ? raw : raw + "&cursor=" + cursor;
    MR_TRY(const auto query, query::Parse(text, "orders", tables[0].columns, "id"));
    return warehouse().Rows("orders", query, Deadline::Never());
  }

 private:
  void OpenDriver() {
    driver_ = std::make_unique<WarehouseDriver>(warehouse());
    driver_->Open();
  }
  std::unique_ptr<WarehouseUnderTest> under_test_;
  std::unique_ptr<WarehouseDriver> driver_;
};

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Rows = std::vector<TestRow>;

TEST_P(WarehouseConformance, TheNewestVersionWins) {
  orders().Apply({{"a", 1, "one"}, {"b", 2, "two"}});
  orders().Apply({{"a", 3, "three"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 3, "three"}, {"b", 2, "two"}}));
}

TEST_P(WarehouseConformance, TheNewestVersionOfOneBatchWins) {
  orders().Apply({{"a", 1, "one"}, {"a", 3, "three"}, {"a", 2, "two"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 3, "three"}}));
}

TEST_P(WarehouseConformance, AnOlderVersionHasNoEffect) {
  orders().Apply({{"a", 5, "five"}});
  orders().Apply({{"a", 4, "four"}}, {{"a", 3, ""}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 5, "five"}}));
}

TEST_P(WarehouseConformance, TheSameVersionAgainHasNoEffect) {
  orders().Apply({{"a", 5, "five"}, {"a", 5, "five"}});
  orders().Apply({{"a", 5, "five"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 5, "five"}}));
}

TEST_P(WarehouseConformance, ATombstoneHides) {
  orders().Apply({{"a", 1, "one"}, {"b", 2, "two"}});
  orders().Apply({}, {{"a", 3, ""}, {"never-there", 4, ""}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"b", 2, "two"}}));
}

TEST_P(WarehouseConformance, ATombstoneGuardsAgainstOlderVersions) {
  orders().Apply({}, {{"a", 5, ""}});
  orders().Apply({{"a", 4, "four"}});
  EXPECT_THAT(orders().ReadAll(), IsEmpty());
}

TEST_P(WarehouseConformance, ARecordCanBeCreatedAgain) {
  orders().Apply({{"a", 1, "one"}});
  orders().Apply({}, {{"a", 2, ""}});
  orders().Apply({{"a", 3, "three"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 3, "three"}}));
}

TEST_P(WarehouseConformance, AWrongPositionIsFencedAndWritesNothing) {
  orders().Apply({{"a", 1, "one"}});
  const auto fenced = orders().TryApply({{"b", 2, "two"}}, {}, 0);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 1, "one"}}));
  orders().Apply({{"c", 3, "three"}});
  EXPECT_EQ(orders().next(), 2u);
}

TEST_P(WarehouseConformance, ATableStartsOnce) {
  const auto again = warehouse().StartTable("orders", 7);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kFenced);
  const auto unknown = warehouse().StartTable("nothing", 7);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
}

TEST_P(WarehouseConformance, RowsAndPositionSurviveReopening) {
  orders().Apply({{"a", 1, "one"}}, {{"b", 2, ""}});
  Reopen();
  EXPECT_EQ(orders().next(), 2u);
  const auto tables = warehouse().Tables();
  ASSERT_TRUE(tables);
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ((*tables)[0].owner, "flow/table");
  ASSERT_TRUE((*tables)[0].position);
  EXPECT_EQ((*tables)[0].position->version, VersionAt(2));
  orders().Apply({{"b", 1, "older"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 1, "one"}}));
}

TEST_P(WarehouseConformance, NewColumnsAreNullInOldRows) {
  orders().Apply({{"a", 1, "one"}});
  auto spec = OrdersSpec();
  spec.columns.push_back({"weight", TypeOf("double")});
  spec.columns.push_back({"tags", TypeOf("text[]")});
  ASSERT_TRUE(warehouse().OpenTable(spec));
  auto columns = spec.columns;
  columns.push_back({"_version", TypeOf("text")});
  sql::BatchBuilder builder(columns);
  const std::vector<std::string> literals{
      R"("b")", R"("two")",     R"("2.00")",
      "1.5",    R"(["x","y"])", '"' + VersionAt(2).ToHex() + '"'};
  for (std::size_t i = 0; i < literals.size(); ++i) {
    ASSERT_TRUE(builder.SetLiteral(i, literals[i]));
  }
  builder.EndRow();
  ASSERT_TRUE(warehouse().Apply("orders", builder.Finish(), TombstoneBatch({}), 1,
                                {2, VersionAt(2)}));
  Reopen();
  const auto page = Page("");
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_THAT(page->rows,
              ElementsAre(HasSubstr(R"("amount":"0.01","weight":null,"tags":null)"),
                          HasSubstr(R"("amount":"2.00","weight":1.5,"tags":["x","y"])")));
}

TEST_P(WarehouseConformance, AColumnTheSpecNoLongerHasStays) {
  orders().Apply({{"a", 1, "one"}});
  auto spec = OrdersSpec();
  spec.columns.erase(spec.columns.begin() + 2);
  ASSERT_TRUE(warehouse().OpenTable(spec));
  orders().Apply({{"b", 2, "two"}});
  const auto page = Page("order=id");
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_THAT(page->rows, ElementsAre(HasSubstr(R"("amount":"0.01")"),
                                      HasSubstr(R"("amount":null)")));
}

TEST_P(WarehouseConformance, RefusesAnotherTypeKeyOrOwner) {
  auto type = OrdersSpec();
  type.columns[1].type = TypeOf("bigint");
  auto key = OrdersSpec();
  key.key = "note";
  auto owner = OrdersSpec();
  owner.owner = "other/table";
  const std::pair<TableSpec, std::string> cases[] = {
      {type, "note"}, {key, "id"}, {owner, "flow/table"}};
  for (const auto& [spec, named] : cases) {
    SCOPED_TRACE(named);
    const auto refused = warehouse().OpenTable(spec);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), HasSubstr(named));
  }
}

TEST_P(WarehouseConformance, ADroppedTableCanBeMadeAnew) {
  orders().Apply({{"a", 1, "one"}});
  ASSERT_TRUE(warehouse().DropTable("orders"));
  EXPECT_EQ(warehouse().DropTable("orders").error().code(), ErrorCode::kNotFound);
  orders().Open();
  EXPECT_EQ(orders().next(), 0u);
  EXPECT_THAT(orders().ReadAll(), IsEmpty());
}

TEST_P(WarehouseConformance, RowsCanBeFilteredAndOrdered) {
  orders().Apply({{"a", 100, "x"}, {"b", 200, "y"}, {"c", 300, "x"}, {"d", 400, "it's"}});
  struct Case {
    std::string raw;
    std::vector<std::string> ids;
  };
  const Case cases[] = {
      {"note=eq.x", {"a", "c"}},
      {"note=eq.it's", {"d"}},
      {"amount=gte.2.00&order=amount.desc", {"d", "c", "b"}},
      {"id=in.(a,d)", {"a", "d"}},
      {"note=like.i*", {"d"}},
      {"note=not.eq.x&order=note.desc", {"b", "d"}},
      {"_version=eq." + VersionAt(300).ToHex(), {"c"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.raw);
    const auto page = Page(c.raw);
    ASSERT_TRUE(page) << page.error().ToString();
    ASSERT_EQ(page->rows.size(), c.ids.size());
    for (std::size_t i = 0; i < c.ids.size(); ++i) {
      EXPECT_THAT(page->rows[i], HasSubstr("{\"id\":\"" + c.ids[i] + "\""));
    }
    EXPECT_FALSE(page->next_cursor);
  }
}

TEST_P(WarehouseConformance, ACursorGoesOnWhereThePageEnded) {
  Rows rows;
  for (std::uint64_t i = 1; i <= 25; ++i) {
    rows.push_back({"k" + std::to_string(100 + i), i, i % 3 == 0 ? "x" : "y"});
  }
  orders().Apply(rows);
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const auto page = Page("order=note.desc&limit=7", cursor);
    ASSERT_TRUE(page) << page.error().ToString();
    ASSERT_TRUE(page->position);
    EXPECT_EQ(page->position->next, 25u);
    seen.insert(seen.end(), page->rows.begin(), page->rows.end());
    cursor = page->next_cursor.value_or("");
  } while (!cursor.empty());
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 25u);
  EXPECT_THAT(seen.front(), HasSubstr("\"y\""));
  EXPECT_THAT(seen.back(), HasSubstr("\"x\""));
}

TEST_P(WarehouseConformance, UnknownTablesAreNotFound) {
  const query::Query query;
  EXPECT_EQ(warehouse().Rows("nothing", query, Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(warehouse().Rows("lake.nothing", query, Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(warehouse().WaitFor("nothing", {}, Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
}

TEST_P(WarehouseConformance, QueryOnlyReads) {
  orders().Apply({{"a", 1, "one"}});
  for (const char* text :
       {"DELETE FROM _mr._mr_positions", "DROP TABLE orders", "SELECT 1; SELECT 2",
        "COPY orders TO '/tmp/x'", "ATTACH '/tmp/x'", "SET threads = 2"}) {
    SCOPED_TRACE(text);
    const auto refused = warehouse().Query(text, Deadline::Never(),
                                           [](const sql::Batch&) { return true; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(orders().ReadAll().size(), 1u);
}

TEST_P(WarehouseConformance, WaitForWakesWhenTheVersionArrives) {
  orders().Apply({{"a", 1, "one"}});
  EXPECT_TRUE(*warehouse().WaitFor("orders", VersionAt(1), Deadline::Never()));
  const auto now = Deadline::After(std::chrono::milliseconds(0));
  EXPECT_FALSE(*warehouse().WaitFor("orders", VersionAt(2), now));
  std::jthread writer([this] { orders().Apply({{"a", 2, "two"}}); });
  const auto reached = warehouse().WaitFor("orders", VersionAt(2), Deadline::Never());
  ASSERT_TRUE(reached);
  EXPECT_TRUE(*reached);
}

/// Every batch replaces all keys with one note: a reader must see one note only.
TEST_P(WarehouseConformance, ReadersSeeWholeBatchesWhileMergesRun) {
  constexpr std::uint64_t kKeys = 60;
  constexpr std::uint64_t kBatches = 150;
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    std::uint64_t newest = 0;
    while (!done) {
      const auto rows = orders().ReadAll();
      if (rows.empty()) continue;
      ASSERT_EQ(rows.size(), kKeys);
      for (const auto& row : rows) ASSERT_EQ(row.note, rows[0].note);
      ASSERT_GE(rows[0].version, newest);
      newest = rows[0].version;
    }
  });
  for (std::uint64_t batch = 1; batch <= kBatches; ++batch) {
    Rows rows;
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      rows.push_back({"k" + std::to_string(key), batch, "n" + std::to_string(batch)});
    }
    orders().Apply(rows);
  }
  done = true;
}

/// Random rows and tombstones, versions in no order, against a map.
TEST_P(WarehouseConformance, ShowsWhatAMapWouldShow) {
  std::mt19937_64 random(20130101);
  WarehouseModel model;
  const auto row = [&] {
    // Even: no row has the version of a tombstone.
    const std::uint64_t version = 2 + 2 * (random() % 2000);
    const std::uint64_t key = random() % 300;
    return TestRow{"k" + std::to_string(key), version,
                   std::to_string(key) + "@" + std::to_string(version)};
  };
  for (int batch = 1; batch <= 1500; ++batch) {
    Rows rows;
    Rows tombstones;
    for (std::uint64_t n = random() % 8; n > 0; --n) rows.push_back(row());
    for (std::uint64_t n = random() % 3; n > 0; --n) {
      tombstones.push_back(row());
      tombstones.back().version |= 1u;
    }
    model.Apply(rows, tombstones);
    orders().Apply(rows, tombstones);
    if (batch % 50 == 0) ASSERT_EQ(orders().ReadAll(), model.Rows()) << batch;
    if (batch % 250 == 0) Reopen();
  }
  ASSERT_EQ(orders().ReadAll(), model.Rows());
}

}  // namespace millrace::warehouse
