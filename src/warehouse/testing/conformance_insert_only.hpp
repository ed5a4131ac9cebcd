#pragma once

#include <algorithm>
#include <map>

#include "warehouse/testing/conformance_fixture.hpp"

/// Part of conformance.hpp: columns that keep the value of a record's first version. The
/// rows' `amount` is their version, so it shows which version a value is from.
namespace millrace::warehouse {

class InsertOnlyConformance : public WarehouseConformance {
 protected:
  void SetUp() override {
    WarehouseConformance::SetUp();
    auto spec = Spec();
    ASSERT_TRUE(warehouse().OpenTable(spec));
    ASSERT_TRUE(warehouse().StartTable(spec.name, 0, 0));
  }
  static TableSpec Spec() {
    auto spec = OrdersSpec();
    spec.name = "kept";
    spec.insert_only = {"amount"};
    return spec;
  }
  void Apply(const Rows& rows, const Rows& tombstones = {}) {
    const auto next = next_ + rows.size() + tombstones.size();
    const auto applied =
        warehouse().Apply("kept", RowsBatch(rows), TombstoneBatch(tombstones), next_,
                          {next, VersionAt(next), 0});
    ASSERT_TRUE(applied) << applied.error().ToString();
    next_ = next;
  }
  /// "key note@version amount" in order of keys.
  std::vector<std::string> Read() {
    std::vector<std::string> out;
    const auto read = warehouse().Query(
        "SELECT id || ' ' || note || ' ' || (amount * 100)::BIGINT || ' ' || "
        "('0x' || _version[9:24])::BIGINT FROM kept ORDER BY id",
        Deadline::Never(), [&](const sql::Batch& block) {
          for (std::size_t row = 0; row < block.rows(); ++row) {
            out.emplace_back(block.Text(0, row));
          }
          return true;
        });
    EXPECT_TRUE(read) << read.error().ToString();
    return out;
  }

 private:
  Offset next_ = 0;
};

TEST_P(InsertOnlyConformance, KeepsTheValueOfTheFirstVersion) {
  Apply({{"a", 1, "one"}, {"b", 2, "two"}});
  Apply({{"a", 3, "three"}});
  Apply({{"a", 4, "four"}});
  EXPECT_THAT(Read(), ElementsAre("a four 1 4", "b two 2 2"));
}

TEST_P(InsertOnlyConformance, ANewLifeHasItsOwn) {
  Apply({{"a", 1, "one"}});
  Apply({{"a", 2, "two"}}, {{"a", 3, ""}});
  EXPECT_THAT(Read(), IsEmpty());
  Apply({{"a", 5, "five"}, {"a", 7, "seven"}});
  EXPECT_THAT(Read(), ElementsAre("a seven 5 7"));
  Apply({{"a", 4, "four"}, {"a", 2, "two"}});
  EXPECT_THAT(Read(), ElementsAre("a seven 4 7")) << "late, but of this life";
}

TEST_P(InsertOnlyConformance, ReadsOfOneKeyShowTheSame) {
  Apply({{"a", 1, "one"}, {"a", 2, "two"}, {"b", 3, "three"}});
  query::Query query;
  const auto tables = warehouse().Tables();
  const auto table = std::ranges::find(*tables, "kept", &TableInfo::name);
  const auto parsed = query::Parse("id=eq.a", "kept", table->columns, "id");
  const auto page = warehouse().Rows(*table, *parsed, Deadline::Never());
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_THAT(page->rows, ElementsAre(HasSubstr(R"("note":"two","amount":"0.01")")));
}

TEST_P(InsertOnlyConformance, RefusesOtherColumnsLater) {
  auto spec = Spec();
  spec.insert_only = {"note"};
  const auto refused = warehouse().OpenTable(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("note, not amount"));
  spec.insert_only = {"id"};
  EXPECT_FALSE(warehouse().OpenTable(spec));
}

/// All that ever came of a key, and what it must show.
struct LifeModel {
  struct State {
    std::uint64_t version;
    bool deleted;
  };
  std::map<std::string, std::vector<State>> states;

  std::vector<std::string> Rows() const {
    std::vector<std::string> out;
    for (const auto& [key, all] : states) {
      const auto newest = std::ranges::max(all, {}, &State::version);
      if (newest.deleted) continue;
      std::uint64_t after = 0;
      for (const auto& s : all) {
        if (s.deleted) after = std::max(after, s.version);
      }
      auto first = newest.version;
      for (const auto& s : all) {
        if (!s.deleted && s.version > after) first = std::min(first, s.version);
      }
      out.push_back(key + " n " + std::to_string(first) + " " +
                    std::to_string(newest.version));
    }
    return out;
  }
};

/// Rows and tombstones in order, some rows far too late, some twice.
TEST_P(InsertOnlyConformance, DependsOnWhatCameNotOnTheOrder) {
  std::mt19937_64 random(20260101);
  LifeModel model;
  Rows late;
  std::uint64_t version = 0;
  for (int batch = 1; batch <= 400; ++batch) {
    Rows rows, tombstones;
    for (std::uint64_t n = 1 + random() % 8; n > 0; --n) {
      const TestRow row{"k" + std::to_string(100 + random() % 60), ++version, "n"};
      const auto kind = random() % 10;
      if (kind == 0) {
        late.push_back(row);
      } else {
        (kind < 3 ? tombstones : rows).push_back(row);
      }
    }
    if (batch % 20 == 0) {
      rows.insert(rows.end(), late.begin(), late.end());
      late.resize(late.size() / 2);  // those again the next time
    }
    for (const auto& row : rows) model.states[row.id].push_back({row.version, false});
    for (const auto& row : tombstones) {
      model.states[row.id].push_back({row.version, true});
    }
    Apply(rows, tombstones);
    if (batch % 25 == 0) ASSERT_EQ(Read(), model.Rows()) << batch;
    if (batch % 150 == 0) Reopen();
    if (batch % 150 == 0) ASSERT_TRUE(warehouse().OpenTable(Spec()));
  }
  ASSERT_EQ(Read(), model.Rows());
}

}  // namespace millrace::warehouse
