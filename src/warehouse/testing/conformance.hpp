#pragma once

#include "warehouse/testing/conformance_fixture.hpp"
#include "warehouse/testing/conformance_insert_only.hpp"
#include "warehouse/testing/conformance_reads.hpp"
#include "warehouse/testing/conformance_rules.hpp"

/// What warehouse.hpp promises, as tests. An adapter's test file includes this header and
/// instantiates it; nobody edits the suite to suit one adapter.
namespace millrace::warehouse {

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
  const auto again = warehouse().StartTable("orders", 0, 7);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kFenced);
  const auto unknown = warehouse().StartTable("nothing", 0, 7);
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

TEST_P(WarehouseConformance, EachPartitionHasAPositionOfItsOwn) {
  orders().Apply({{"a", 1, "one"}});
  auto spec = OrdersSpec();
  spec.partition = 1;
  const auto never = warehouse().OpenTable(spec);
  ASSERT_TRUE(never) << never.error().ToString();
  EXPECT_FALSE(*never);
  ASSERT_TRUE(warehouse().StartTable("orders", 1, 5));
  const auto again = warehouse().StartTable("orders", 1, 5);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kFenced);
  ASSERT_TRUE(warehouse().Apply("orders", RowsBatch({{"b", 2, "two"}}),
                                TombstoneBatch({}), 5, {6, VersionAt(2), 1}));
  const auto fenced = warehouse().Apply("orders", RowsBatch({{"c", 3, "three"}}),
                                        TombstoneBatch({}), 5, {6, VersionAt(3), 1});
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code(), ErrorCode::kFenced);
  orders().Apply({{"d", 4, "four"}});
  Reopen();
  EXPECT_EQ(orders().next(), 2u);
  EXPECT_EQ(orders().ReadAll(),
            (Rows{{"a", 1, "one"}, {"b", 2, "two"}, {"d", 4, "four"}}));
  const auto position = warehouse().OpenTable(spec);
  ASSERT_TRUE(position && *position);
  EXPECT_EQ((*position)->next, 6u);
  const auto tables = warehouse().Tables();
  ASSERT_TRUE(tables);
  EXPECT_EQ((*tables)[0].position->version, VersionAt(4)) << "partition 0's";
}

TEST_P(WarehouseConformance, SaysWhichStatesAreSuperseded) {
  orders().Apply({{"a", 5, "five"}, {"b", 5, "five"}}, {{"c", 5, ""}});
  const auto superseded = warehouse().Superseded("orders", {{"a", VersionAt(4)},
                                                            {"b", VersionAt(5)},
                                                            {"b", VersionAt(6)},
                                                            {"c", VersionAt(4)},
                                                            {"never", VersionAt(1)}});
  ASSERT_TRUE(superseded) << superseded.error().ToString();
  EXPECT_THAT(*superseded, ElementsAre(true, false, false, true, false));
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

TEST_P(WarehouseConformance, AColumnIsWidenedWithItsRows) {
  orders().Apply({{"a", 1, "one"}});
  auto spec = OrdersSpec();
  spec.columns[2].type = TypeOf("decimal(14,2)");
  ASSERT_TRUE(warehouse().OpenTable(spec));
  auto columns = spec.columns;
  columns.push_back({"_version", TypeOf("text")});
  sql::BatchBuilder builder(columns);
  const std::vector<std::string> literals{R"("b")", R"("two")", R"("999999999999.99")",
                                          '"' + VersionAt(2).ToHex() + '"'};
  for (std::size_t i = 0; i < literals.size(); ++i) {
    ASSERT_TRUE(builder.SetLiteral(i, literals[i]));
  }
  builder.EndRow();
  ASSERT_TRUE(warehouse().Apply("orders", builder.Finish(), TombstoneBatch({}), 1,
                                {2, VersionAt(2)}));
  const auto page = Page("");
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_THAT(page->rows, ElementsAre(HasSubstr(R"("amount":"0.01")"),
                                      HasSubstr(R"("amount":"999999999999.99")")));
  // And not back.
  EXPECT_FALSE(warehouse().OpenTable(OrdersSpec()));
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

TEST_P(WarehouseConformance, ATableTakesThePlaceOfAnother) {
  orders().Apply({{"a", 1, "old"}, {"gone", 2, "old"}});
  auto spec = OrdersSpec();
  spec.name = "shadow";
  ASSERT_TRUE(warehouse().OpenTable(spec));
  ASSERT_TRUE(warehouse().StartTable("shadow", 0, 0));
  ASSERT_TRUE(warehouse().Apply("shadow", RowsBatch({{"a", 3, "new"}}),
                                TombstoneBatch({}), 0, {7, VersionAt(3)}));
  std::jthread waiting([&] {
    const auto reached = warehouse().WaitFor("orders", VersionAt(3), Deadline::Never());
    EXPECT_TRUE(reached && *reached);
  });
  const auto replaced = warehouse().Replace("orders", "shadow");
  ASSERT_TRUE(replaced) << replaced.error().ToString();
  waiting.join();
  for (int open = 0; open < 2; ++open) {
    EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 3, "new"}}));
    const auto tables = warehouse().Tables();
    ASSERT_TRUE(tables);
    ASSERT_EQ(tables->size(), 1u);
    EXPECT_EQ((*tables)[0].name, "orders");
    EXPECT_EQ((*tables)[0].position->next, 7u);
    Reopen();
  }
  orders().Apply({{"b", 4, "later"}});
  EXPECT_EQ(orders().ReadAll(), (Rows{{"a", 3, "new"}, {"b", 4, "later"}}));
}

TEST_P(WarehouseConformance, ReplaceIsAChangeOfNameWhereNothingIs) {
  orders().Apply({{"a", 1, "one"}});
  EXPECT_EQ(warehouse().Replace("orders", "nothing").error().code(),
            ErrorCode::kNotFound);
  ASSERT_TRUE(warehouse().Replace("purchases", "orders"));
  EXPECT_THAT(warehouse().TableNames(), ElementsAre("purchases"));
  EXPECT_EQ(warehouse().FindKey("orders", "a", Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
  const auto found = warehouse().FindKey("purchases", "a", Deadline::Never());
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_TRUE(*found);
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
