#pragma once

#include <limits>
#include <optional>

#include "warehouse/testing/conformance_fixture.hpp"

/// Part of conformance.hpp: what readers get.
namespace millrace::warehouse {

/// Old and new versions in base and delta, whatever was merged.
TEST_P(WarehouseConformance, FindKeyTellsTheNewestVersion) {
  Rows rows;
  for (std::uint64_t i = 1; i <= 120; ++i)
    rows.push_back({"k" + std::to_string(i), i, ""});
  orders().Apply(rows);
  orders().Apply({{"k7", 900, ""}, {"k8", 2, ""}}, {{"k9", 901, ""}});
  orders().Apply({{"k7", 899, ""}});
  const auto find = [&](const std::string& key) {
    const auto found = warehouse().FindKey("orders", key, Deadline::Never());
    EXPECT_TRUE(found) << found.error().ToString();
    return found ? *found : std::nullopt;
  };
  const auto expect = [&](const std::string& key, std::uint64_t version, bool deleted) {
    SCOPED_TRACE(key);
    const auto found = find(key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->version, VersionAt(version));
    EXPECT_EQ(found->deleted, deleted);
  };
  expect("k7", 900, false);
  expect("k8", 8, false);
  expect("k9", 901, true);
  expect("k120", 120, false);
  EXPECT_FALSE(find("it's absent"));
  EXPECT_EQ(warehouse().FindKey("nothing", "x", Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
}

TEST_P(WarehouseConformance, FindKeyReadsTheTextByTheKeysType) {
  const TableSpec spec{
      "counts", "n", {{"n", TypeOf("bigint")}, {"note", TypeOf("text")}}, "flow/table", 0,
      {},       {}};
  ASSERT_TRUE(warehouse().OpenTable(spec));
  ASSERT_TRUE(warehouse().StartTable("counts", 0, 0));
  sql::BatchBuilder builder(
      {{"n", TypeOf("bigint")}, {"note", TypeOf("text")}, {"_version", TypeOf("text")}});
  builder.SetInt(0, 42);
  builder.SetNull(1);
  builder.SetText(2, VersionAt(5).ToHex());
  builder.EndRow();
  ASSERT_TRUE(warehouse().Apply("counts", builder.Finish(), {}, 0, {1, VersionAt(5)}));
  const auto found = warehouse().FindKey("counts", "42", Deadline::Never());
  ASSERT_TRUE(found) << found.error().ToString();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->version, VersionAt(5));
  EXPECT_EQ(warehouse().FindKey("counts", "many", Deadline::Never()).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_P(WarehouseConformance, RowsOfNamedKeysAreTheNewest) {
  orders().Apply({{"a", 1, "one"}, {"b", 2, "two"}, {"c", 3, "three"}});
  orders().Apply({{"a", 4, "four"}, {"b", 1, "older"}}, {{"c", 5, ""}});
  const auto page = Page("id=in.(a,b,c,d)&order=id");
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_THAT(page->rows, ElementsAre(HasSubstr(R"("id":"a","note":"four")"),
                                      HasSubstr(R"("id":"b","note":"two")")));
  const auto other = Page("id=eq.a&note=eq.one");
  ASSERT_TRUE(other) << other.error().ToString();
  EXPECT_THAT(other->rows, IsEmpty()) << "an older version fulfils the other filter";
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

/// What JSON has no literal for is a value nevertheless.
TEST_P(WarehouseConformance, PagesByADoubleGiveEachRowOnce) {
  const TableSpec spec{
      "weights", "id", {{"id", TypeOf("text")}, {"x", TypeOf("double")}}, "flow/table", 0,
      {},        {}};
  ASSERT_TRUE(warehouse().OpenTable(spec));
  ASSERT_TRUE(warehouse().StartTable("weights", 0, 0));
  auto columns = spec.columns;
  columns.push_back({"_version", TypeOf("text")});
  sql::BatchBuilder builder(columns);
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  constexpr auto kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::optional<double>> values{
      -kInfinity, 1, kInfinity, kInfinity, kNan, kNan, std::nullopt, std::nullopt};
  for (std::size_t i = 0; i < values.size(); ++i) {
    builder.SetText(0, std::to_string(i));
    values[i] ? builder.SetDouble(1, *values[i]) : builder.SetNull(1);
    builder.SetText(2, VersionAt(i + 1).ToHex());
    builder.EndRow();
  }
  ASSERT_TRUE(warehouse().Apply("weights", builder.Finish(), TombstoneBatch({}), 0,
                                {values.size(), VersionAt(values.size())}));
  const auto keys = [&](const std::string& raw) {
    std::string seen, cursor;
    for (std::size_t page = 0; page < values.size() + 2; ++page) {
      const auto table = warehouse().FindTable("weights");
      const auto query = query::Parse(raw + cursor, "weights", table->columns, "id");
      EXPECT_TRUE(query) << raw << query.error().ToString();
      if (!query) break;
      const auto got = warehouse().Rows(*table, *query, Deadline::Never());
      EXPECT_TRUE(got);
      if (!got) break;
      for (const auto& row : got->rows)
        seen += row.substr(std::size(R"({"id":")") - 1, 1);
      if (!got->next_cursor) return seen;
      cursor = "&cursor=" + *got->next_cursor;
    }
    return seen + " without an end";
  };
  EXPECT_EQ(keys("order=x&limit=1"), "01234567");
  EXPECT_EQ(keys("order=x&limit=3"), "01234567");
  EXPECT_EQ(keys("order=x.desc,id&limit=3"), "67452310");
  EXPECT_EQ(keys("order=x.desc&limit=3"), "76543210");
}

/// Filters, order and what the asker may see are of columns by number.
TEST_P(WarehouseConformance, AQueryOfOtherColumnsIsRefused) {
  orders().Apply({{"a", 1, "one"}});
  const auto before = warehouse().FindTable("orders");
  ASSERT_TRUE(before);
  const auto query = query::Parse("note=eq.one", "orders", before->columns, "id");
  ASSERT_TRUE(query);
  auto spec = OrdersSpec();
  spec.name = "shadow";
  std::ranges::reverse(spec.columns);
  ASSERT_TRUE(warehouse().OpenTable(spec));
  ASSERT_TRUE(warehouse().Replace("orders", "shadow"));
  const auto refused = warehouse().Rows(*before, *query, Deadline::Never());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  const auto now = warehouse().FindTable("orders");
  ASSERT_TRUE(now);
  EXPECT_TRUE(warehouse().Rows(*now, *query, Deadline::Never()));
  auto beyond = *query;
  beyond.visible =
      query::Condition::All({query::Condition::Of({99, query::Op::kIsNull, false, {}}),
                             query::Condition::Of({0, query::Op::kIsNull, false, {}})});
  EXPECT_EQ(warehouse().Rows(*now, beyond, Deadline::Never()).error().code(),
            ErrorCode::kInvalidArgument);
}

/// Of a key, and through the view: the old rows or the new ones, but always some.
TEST_P(WarehouseConformance, ReadsGoOnWhileTheTableIsReplaced) {
  auto spec = OrdersSpec();
  orders().Apply({{"a", 1, "one"}});
  const auto table = warehouse().FindTable("orders");
  ASSERT_TRUE(table);
  const auto query = query::Parse("id=eq.a", "orders", table->columns, "id");
  ASSERT_TRUE(query);
  std::atomic<bool> done = false;
  std::jthread reader([&] {
    const std::vector<KeyVersion> asked{{"a", VersionAt(0)}};
    while (!done) {
      const auto found = warehouse().FindKey("orders", "a", Deadline::Never());
      ASSERT_TRUE(found) << found.error().ToString();
      const auto page = warehouse().Rows(*table, *query, Deadline::Never());
      ASSERT_TRUE(page) << page.error().ToString();
      const auto older = warehouse().Superseded("orders", asked);
      ASSERT_TRUE(older) << older.error().ToString();
    }
  });
  spec.name = "shadow";
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(warehouse().OpenTable(spec));
    const auto replaced = warehouse().Replace("orders", "shadow");
    ASSERT_TRUE(replaced) << replaced.error().ToString();
  }
  done = true;
}

TEST_P(WarehouseConformance, UnknownTablesAreNotFound) {
  for (const char* name : {"nothing", "lake.nothing"}) {
    TableInfo table;
    table.name = name;
    EXPECT_EQ(warehouse().Rows(table, {}, Deadline::Never()).error().code(),
              ErrorCode::kNotFound);
  }
  EXPECT_EQ(warehouse().WaitFor("nothing", {}, Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
}

TEST_P(WarehouseConformance, QueryOnlyReads) {
  orders().Apply({{"a", 1, "one"}});
  for (const char* text :
       {"DELETE FROM _mr._mr_positions", "DROP TABLE orders", "SELECT 1; SELECT 2",
        "COPY orders TO '/tmp/x'", "ATTACH '/tmp/x'", "SET threads = 2",
        "SELECT * FROM checkpoint()",
        "EXPLAIN ANALYZE SELECT * FROM force_checkpoint()"}) {
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

}  // namespace millrace::warehouse
