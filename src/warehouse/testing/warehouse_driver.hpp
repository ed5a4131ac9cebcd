#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/type.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// A row as tests write and read it; `note` stands for all that is not the key.
struct TestRow {
  std::string id;
  std::uint64_t version = 0;
  std::string note;
  friend auto operator<=>(const TestRow&, const TestRow&) = default;
};

inline schema::Type TypeOf(std::string_view text) { return *schema::Type::Parse(text); }

inline Version VersionAt(std::uint64_t position) { return Version{1, position, 0}; }

/// The table `orders`: id, note, amount.
inline TableSpec OrdersSpec() {
  return {"orders",
          "id",
          {{"id", TypeOf("text")},
           {"note", TypeOf("text")},
           {"amount", TypeOf("decimal(10,2)")}},
          "flow/table",
          0,
          {},
          {}};
}

/// Columns of a batch of `orders`.
inline sql::Batch RowsBatch(const std::vector<TestRow>& rows) {
  auto columns = OrdersSpec().columns;
  columns.push_back({"_version", TypeOf("text")});
  sql::BatchBuilder builder(columns);
  for (const auto& row : rows) {
    builder.SetText(0, row.id);
    builder.SetText(1, row.note);
    builder.SetDecimal(2, static_cast<Int128>(row.version));
    builder.SetText(3, VersionAt(row.version).ToHex());
    builder.EndRow();
  }
  return builder.Finish();
}

inline sql::Batch TombstoneBatch(const std::vector<TestRow>& rows) {
  sql::BatchBuilder builder({{"id", TypeOf("text")}, {"_version", TypeOf("text")}});
  for (const auto& row : rows) {
    builder.SetText(0, row.id);
    builder.SetText(1, VersionAt(row.version).ToHex());
    builder.EndRow();
  }
  return builder.Finish();
}

/// Writes and reads `orders` in short words.
class WarehouseDriver {
 public:
  explicit WarehouseDriver(Warehouse& warehouse) : warehouse_(warehouse) {}

  /// Opens, and starts at offset 0 what was never started.
  void Open() {
    const auto position = warehouse_.OpenTable(OrdersSpec());
    ASSERT_TRUE(position) << position.error().ToString();
    if (*position) {
      next_ = (*position)->next;
      return;
    }
    const auto started = warehouse_.StartTable("orders", 0, 0);
    ASSERT_TRUE(started) << started.error().ToString();
    next_ = 0;
  }

  /// Applies at the known position; it moves on by the number of rows.
  void Apply(const std::vector<TestRow>& rows,
             const std::vector<TestRow>& tombstones = {}) {
    const auto applied = TryApply(rows, tombstones, next_);
    ASSERT_TRUE(applied) << applied.error().ToString();
  }
  Status TryApply(const std::vector<TestRow>& rows,
                  const std::vector<TestRow>& tombstones, Offset expected) {
    Version last;
    for (const auto& row : rows) last = std::max(last, VersionAt(row.version));
    for (const auto& row : tombstones) last = std::max(last, VersionAt(row.version));
    const Offset next = expected + rows.size() + tombstones.size();
    auto applied = warehouse_.Apply("orders", RowsBatch(rows), TombstoneBatch(tombstones),
                                    expected, {next, last});
    if (applied) next_ = next;
    return applied;
  }

  /// All rows, in order of keys.
  std::vector<TestRow> ReadAll() {
    std::vector<TestRow> out;
    const auto read =
        warehouse_.Query("SELECT id, note, _version FROM orders ORDER BY id",
                         Deadline::Never(), [&](const sql::Batch& block) {
                           for (std::size_t row = 0; row < block.rows(); ++row) {
                             const auto version = Version::Parse(block.Text(2, row));
                             EXPECT_TRUE(version) << block.Text(2, row);
                             out.push_back({std::string(block.Text(0, row)),
                                            version ? version->position : 0,
                                            std::string(block.Text(1, row))});
                           }
                           return true;
                         });
    EXPECT_TRUE(read) << read.error().ToString();
    return out;
  }

  Offset next() const { return next_; }

 private:
  Warehouse& warehouse_;
  Offset next_ = 0;
};

/// What the table must show: the newest version of each key, deleted ones remembered.
class WarehouseModel {
 public:
  void Apply(const std::vector<TestRow>& rows, const std::vector<TestRow>& tombstones) {
    for (const auto& row : rows) Take(row, false);
    for (const auto& row : tombstones) Take(row, true);
  }
  std::vector<TestRow> Rows() const {
    std::vector<TestRow> out;
    for (const auto& [id, state] : states_) {
      if (!state.second) out.push_back(state.first);
    }
    return out;
  }

 private:
  void Take(const TestRow& row, bool deleted) {
    auto& state = states_[row.id];
    if (row.version > state.first.version) state = {row, deleted};
  }
  std::map<std::string, std::pair<TestRow, bool>> states_;
};

}  // namespace millrace::warehouse
