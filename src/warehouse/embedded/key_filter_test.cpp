#include "key_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <semaphore>

#include "rows_query.hpp"
#include "test_directory.hpp"
#include "warehouse/testing/warehouse_driver.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::uint32_t HashNumber(std::uint32_t n) { return n * 2'654'435'761u; }

/// Rows first..end-1, whose versions are their numbers.
KeyFilter::Run RunOf(std::uint32_t first, std::uint32_t end) {
  auto run = std::make_shared<KeyRun>(end - first);
  for (auto n = first; n < end; ++n) run->Add(HashNumber(n), n);
  return run;
}

std::vector<VersionRange> Find(const KeyFilter& filter, std::vector<std::uint32_t> keys) {
  for (auto& key : keys) key = HashNumber(key);
  return filter.Find(keys);
}

TEST(KeyFilter, KnowsEveryKeyAndFewOthers) {
  const auto run = RunOf(0, 50'000);
  int others = 0;
  for (std::uint32_t n = 0; n < 50'000; ++n) {
    ASSERT_TRUE(run->MayHave(HashNumber(n))) << n;
    if (run->MayHave(HashNumber(n + 1'000'000))) ++others;
  }
  EXPECT_LT(others, 50'000 * 5 / 100);
  EXPECT_EQ(run->rows(), 50'000u);
  EXPECT_EQ(run->versions(), (VersionRange{0, 49'999}));
}

TEST(KeyFilter, TellsInWhichVersionsAKeyIs) {
  const KeyFilter some({RunOf(0, 100), RunOf(1'000, 1'100)});
  const auto all = some.With(RunOf(50, 200));
  EXPECT_EQ(all->rows(), 350u);
  EXPECT_THAT(Find(some, {7}), ElementsAre(VersionRange{0, 99}));
  EXPECT_THAT(Find(*all, {7}), ElementsAre(VersionRange{0, 99}));
  EXPECT_THAT(Find(*all, {1'001, 7}),
              ElementsAre(VersionRange{0, 99}, VersionRange{1'000, 1'099}));
  EXPECT_THAT(Find(*all, {75}), ElementsAre(VersionRange{0, 199})) << "in two runs";
  EXPECT_THAT(Find(*all, {5'000}), IsEmpty());
}

/// A base of three rows and an empty delta, and the session that reads them.
class FilteredBase : public testing::Test {
 protected:
  FilteredBase() {
    engine_ = sql::Engine::Open({}).value();
    session_ = engine_->Connect().value();
    for (const auto& text : {std::string("CREATE SCHEMA _mr"), CreateBase(shape_),
                             CreateDelta(shape_), Insert(1), Insert(2), Insert(3)}) {
      const auto done = session_->Run(text);
      EXPECT_TRUE(done) << done.error().ToString();
    }
  }
  std::string Insert(int n) const {
    const auto key = "'k" + std::to_string(n) + "'";
    return "INSERT INTO " + BaseTable(shape_) +
           "(_mr_high, _mr_low, _mr_deleted, _mr_hash, id) VALUES (1::UBIGINT << 32, " +
           std::to_string(n) + "::UBIGINT << 32, FALSE, mr_key_hash(" + key + "), " +
           key + ")";
  }
  std::uint32_t Hash(const std::string& key) {
    const auto row = session_->Query("SELECT mr_key_hash('" + key + "')::BIGINT");
    return static_cast<std::uint32_t>(row->Int64(0, 0));
  }
  std::shared_ptr<KeyFilter> Filter() {
    return std::make_shared<KeyFilter>(ReadRuns(*session_, shape_, 1'000).value());
  }
  std::optional<RowVersion> FindKey(const KeyFilter* filter, const std::string& key) {
    return FindVersion(*session_, shape_, filter, key, Deadline::Never()).value();
  }
  std::size_t CountRows(const KeyFilter* filter, const std::vector<std::string>& keys) {
    TableInfo info;
    info.key = "id";
    info.columns = shape_.columns;
    std::vector<std::string> literals;
    for (const auto& key : keys) literals.push_back('"' + key + '"');
    query::Query query;
    auto& asked_keys = query.filters.emplace_back();
    asked_keys.op = query::Op::kIn;
    asked_keys.literals = literals;
    query.limit = 10;
    const auto asked = AskedKeys(info, query);
    return ReadKeysPage(*session_, shape_, filter, *asked, info, query, Deadline::Never())
        ->rows.size();
  }

  const TableShape shape_{"orders", "id", {{"id", TypeOf("text")}}, 0, 0, {}, {}, {}};
  std::unique_ptr<sql::Engine> engine_;
  std::unique_ptr<sql::Session> session_;
};

TEST_F(FilteredBase, ALookReadsOnlyWhereTheFilterSaysThatItsKeysAre) {
  const auto filter = Filter();
  EXPECT_EQ(FindKey(filter.get(), "k2")->version, VersionAt(2));
  EXPECT_EQ(CountRows(filter.get(), {"k1", "k3", "k9"}), 2u);
  EXPECT_FALSE(FindKey(filter.get(), "k9"));
  // A filter that does not know a row hides it, hence: it is used.
  const KeyFilter none({});
  EXPECT_FALSE(FindKey(&none, "k2"));
  EXPECT_EQ(CountRows(&none, {"k2"}), 0u);
  EXPECT_TRUE(FindKey(nullptr, "k2"));
  EXPECT_EQ(CountRows(nullptr, {"k2"}), 1u);
}

TEST_F(FilteredBase, ManyKeysAndManyPlacesAreLookedForEverywhere) {
  const KeyFilter none({});
  EXPECT_EQ(CountRows(&none, std::vector<std::string>(17, "k2")), 1u)
      << "17 times the same";
  const auto hash = Hash("k2");
  std::vector<KeyFilter::Run> runs;
  for (std::uint32_t n = 0; n < 9; ++n) {
    auto run = std::make_shared<KeyRun>(1);
    run->Add(hash, 100 * n);
    runs.push_back(std::move(run));
  }
  const KeyFilter many(runs);
  EXPECT_EQ(CountRows(&many, {"k2"}), 1u);
  runs.pop_back();
  const KeyFilter few(runs);
  EXPECT_EQ(CountRows(&few, {"k2"}), 0u) << "version 2 is in none of eight places";
}

TEST_F(FilteredBase, ASliceOfAMergeHasARunOfTheRowsThatItBrings) {
  for (const bool insert_only : {false, true}) {
    TableShape shape{
        "t", "id", {{"id", TypeOf("text")}, {"note", TypeOf("text")}}, 0, 7, {}, {}, {}};
    shape.name += insert_only ? "1" : "0";
    if (insert_only) shape.insert_only = {"note"};
    ASSERT_TRUE(session_->Run(CreateBase(shape)));
    ASSERT_TRUE(session_->Run(CreateDelta(shape)));
    ASSERT_TRUE(session_->Run("INSERT INTO " + DeltaTable(shape, 7) +
                              " SELECT 1, i << 32, FALSE, 'k' || (i % 10), 'n' FROM "
                              "range(100, 120) r(i)"));
    shape.frozen = shape.delta++;
    ASSERT_TRUE(session_->Run("BEGIN"));
    for (const auto& text : CompareStatements(shape, {0, 20, {}})) {
      const auto done = session_->Run(text);
      ASSERT_TRUE(done) << done.error().ToString();
    }
    const auto run = ReadMergedRun(*session_, shape);
    ASSERT_TRUE(run) << run.error().ToString();
    EXPECT_EQ((*run)->rows(), 10u);
    EXPECT_EQ((*run)->versions(), (VersionRange{110, 119}));
    EXPECT_TRUE((*run)->MayHave(Hash("k3")));
    ASSERT_TRUE(session_->Run("ROLLBACK"));
  }
}

/// Ten rows and a tombstone; one row comes late.
void ApplyRound(WarehouseDriver& driver, std::uint64_t round,
                std::map<std::string, std::pair<std::uint64_t, bool>>& newest) {
  std::vector<TestRow> rows, tombstones;
  const auto first = 1'000 + round * 11;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto key = "k" + std::to_string((round * 7 + i * 5) % 80);
    rows.push_back({key, first + i - (i == 3 ? 90 : 0), "v"});
  }
  tombstones.push_back({"k" + std::to_string(round % 80), first + 10, ""});
  driver.Apply(rows, tombstones);
  const auto take = [&](const std::vector<TestRow>& states, bool deleted) {
    for (const auto& row : states) {
      newest[row.id] = std::max(newest[row.id], {row.version, deleted});
    }
  };
  take(rows, false);
  take(tombstones, true);
}

TEST(KeyFilter, EachKeyIsFoundWhateverIsMergedAndAfterAStart) {
  constexpr auto kLong = std::chrono::seconds(60);
  const TestDirectory directory;
  std::counting_semaphore<> filtered(0), merged(0);
  EmbeddedWarehouseOptions options;
  options.directory = directory.path();
  options.min_merge_rows = 40;  // four rounds
  options.merge_slice_rows = 15;
  options.filter_rows = 1;
  options.on_merge_step = [&](std::string_view step) {
    if (step == "filtered") filtered.release();
    if (step == "swapped") merged.release();
  };
  std::map<std::string, std::pair<std::uint64_t, bool>> newest;
  std::uint64_t round = 0;
  for (int start = 0; start < 2; ++start) {
    const auto warehouse = OpenEmbeddedWarehouse(options);
    ASSERT_TRUE(warehouse) << warehouse.error().ToString();
    WarehouseDriver driver(**warehouse);
    driver.Open();
    // The second time there is a filter before anything is written.
    if (start == 1) ASSERT_TRUE(filtered.try_acquire_for(kLong));
    for (int i = 1; i <= 32; ++i) {
      ApplyRound(driver, round++, newest);
      for (const auto& [key, state] : newest) {
        const auto found = (*warehouse)->FindKey("orders", key, Deadline::Never());
        ASSERT_TRUE(found) << found.error().ToString();
        ASSERT_TRUE(*found) << key << " in round " << round;
        ASSERT_EQ((*found)->version, VersionAt(state.first)) << key;
        ASSERT_EQ((*found)->deleted, state.second) << key;
      }
      if (i % 4 == 0) ASSERT_TRUE(merged.try_acquire_for(kLong)) << round;
    }
    if (start == 0) ASSERT_TRUE(filtered.try_acquire_for(kLong));
  }
}

}  // namespace
}  // namespace millrace::warehouse
