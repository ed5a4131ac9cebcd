#include "replay_compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::minutes kWithin{30};
constexpr int kExamples = 10;

using sql::QuoteName;

Result<warehouse::TableInfo> Find(warehouse::WarehouseReader& warehouse,
                                  const std::string& name) {
  MR_TRY(auto tables, warehouse.Tables());
  const auto found = std::ranges::find(tables, name, &warehouse::TableInfo::name);
  if (found != tables.end()) return std::move(*found);
  return Fail(ErrorCode::kNotFound, "there is no table " + name + " to compare with");
}

std::vector<std::string> Without(const schema::Columns& columns,
                                 const schema::Columns& others) {
  std::vector<std::string> names;
  for (const auto& column : columns) {
    if (std::ranges::find(others, column.name, &schema::TypedName::name) == others.end())
      names.push_back(column.name);
  }
  return names;
}

/// The statements of one comparison.
class Comparison {
 public:
  Comparison(const warehouse::TableInfo& before, const warehouse::TableInfo& after,
             const LeftOut& left_out)
      : before_(before.name),
        after_(after.name),
        key_(before.key),
        other_key_(after.key) {
    for (const auto& column : before.columns) {
      if (column.name == before.key || column.name.starts_with('_')) continue;
      if (std::ranges::find(left_out.columns, column.name) != left_out.columns.end())
        continue;
      if (std::ranges::find(after.columns, column.name, &schema::TypedName::name) !=
          after.columns.end())
        both_.push_back(column.name);
    }
    for (const auto& key : left_out.keys) {
      keys_ += (keys_.empty() ? "" : ", ") + sql::QuoteText(key);
    }
  }
  const std::vector<std::string>& both() const { return both_; }

  std::string Counts() const {
    std::string out = fmt::format(
        "SELECT count(*) FILTER (WHERE {0} AND {1} AND NOT ({2})), "
        "count(*) FILTER (WHERE NOT {1}), count(*) FILTER (WHERE NOT {0}), "
        "count(*) FILTER (WHERE {0} AND {1} AND ({2}))",
        kInBefore, kInAfter, AnyDiffers());
    for (const auto& column : both_) {
      out += fmt::format(", count(*) FILTER (WHERE {} AND {} AND {})", kInBefore,
                         kInAfter, Differs(column));
    }
    return out + Joined();
  }

  std::string Examples() const {
    return fmt::format(
        "SELECT to_json({{'key': coalesce(b.{}, a.{}), 'before': CASE WHEN {} THEN {} "
        "END, "
        "'after': CASE WHEN {} THEN {} END}})::VARCHAR{} WHERE NOT {} OR NOT {} OR ({}) "
        "ORDER BY coalesce(b.{}, a.{}) LIMIT {}",
        QuoteName(key_), QuoteName(other_key_), kInBefore, Struct("b"), kInAfter,
        Struct("a"), Joined(), kInBefore, kInAfter, AnyDiffers(), QuoteName(key_),
        QuoteName(other_key_), kExamples);
  }

 private:
  static constexpr std::string_view kInBefore = "b._version IS NOT NULL";
  static constexpr std::string_view kInAfter = "a._version IS NOT NULL";

  static std::string Differs(const std::string& column) {
    return fmt::format("b.{0} IS DISTINCT FROM a.{0}", QuoteName(column));
  }
  std::string AnyDiffers() const {
    std::string out = "false";
    for (const auto& column : both_) out += " OR " + Differs(column);
    return out;
  }
  std::string Struct(std::string_view alias) const {
    if (both_.empty()) return "{}";
    std::string out = "{";
    for (const auto& column : both_) {
      std::string name = column;
      out += fmt::format("{}'{}': {}.{}", out.size() > 1 ? ", " : "", name, alias,
                         QuoteName(column));
    }
    return out + "}";
  }
  std::string Joined() const {
    return fmt::format(" FROM {} b FULL JOIN {} a ON b.{} = a.{}", Rows(before_, key_),
                       Rows(after_, other_key_), QuoteName(key_), QuoteName(other_key_));
  }
  /// A table without the keys that are left out.
  std::string Rows(const std::string& table, const std::string& key) const {
    if (keys_.empty()) return QuoteName(table);
    return fmt::format("(SELECT * FROM {} WHERE CAST({} AS VARCHAR) NOT IN ({}))",
                       QuoteName(table), QuoteName(key), keys_);
  }

  const std::string before_, after_, key_, other_key_;
  std::vector<std::string> both_;
  std::string keys_;  ///< that are left out, as a list
};

void AppendNames(std::string& out, const std::vector<std::string>& names) {
  out += '[';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, names[i]);
  }
  out += ']';
}

}  // namespace

Result<TableDifference> CompareTables(warehouse::WarehouseReader& warehouse,
                                      const std::string& before, const std::string& after,
                                      const LeftOut& left_out) {
  MR_TRY(const auto old_table, Find(warehouse, before));
  MR_TRY(const auto new_table, Find(warehouse, after));
  const Comparison comparison(old_table, new_table, left_out);
  TableDifference difference;
  difference.left_out = left_out.columns;
  difference.redriven = left_out.keys.size();
  difference.only_in_before = Without(old_table.columns, new_table.columns);
  difference.only_in_after = Without(new_table.columns, old_table.columns);
  const auto deadline = Deadline::After(kWithin);
  MR_CHECK_OK(warehouse.Query(comparison.Counts(), deadline, [&](const sql::Batch& rows) {
    const auto count = [&](std::size_t column) {
      return static_cast<std::uint64_t>(rows.Int64(column, 0));
    };
    difference.same = count(0);
    difference.only_before = count(1);
    difference.only_after = count(2);
    difference.changed = count(3);
    for (std::size_t i = 0; i < comparison.both().size(); ++i) {
      if (count(4 + i) > 0)
        difference.columns.emplace_back(comparison.both()[i], count(4 + i));
    }
    return true;
  }));
  if (difference.equal()) return difference;
  MR_CHECK_OK(
      warehouse.Query(comparison.Examples(), deadline, [&](const sql::Batch& rows) {
        for (std::size_t row = 0; row < rows.rows(); ++row)
          difference.examples.emplace_back(rows.Text(0, row));
        return true;
      }));
  return difference;
}

void AppendJson(std::string& out, const TableDifference& difference) {
  out += fmt::format(
      "{{\"equal\":{},\"same\":{},\"changed\":{},\"only_before\":{},\"only_after\":{},"
      "\"columns\":{{",
      difference.equal(), difference.same, difference.changed, difference.only_before,
      difference.only_after);
  for (std::size_t i = 0; i < difference.columns.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, difference.columns[i].first);
    AppendUint(out, difference.columns[i].second);
  }
  out += "},\"columns_only_before\":";
  AppendNames(out, difference.only_in_before);
  out += ",\"columns_only_after\":";
  AppendNames(out, difference.only_in_after);
  out += ",\"columns_left_out\":";
  AppendNames(out, difference.left_out);
  out += ",\"redriven_left_out\":";
  AppendUint(out, difference.redriven);
  out += ",\"examples\":[";
  for (std::size_t i = 0; i < difference.examples.size(); ++i) {
    if (i > 0) out += ',';
    out += difference.examples[i];
  }
  out += "]}";
}

Result<std::vector<std::string>> RedrivenKeys(pipeline::DeadLetters& letters,
                                              const std::string& pipeline,
                                              const std::string& sink) {
  std::set<std::string> keys;
  pipeline::DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.limit = 10'000;
  for (const auto state :
       {pipeline::LetterState::kApplied, pipeline::LetterState::kSuperseded}) {
    filter.state = NameOf(state);
    filter.cursor.clear();
    do {
      MR_TRY(const auto page, letters.List(filter));
      for (const auto& letter : page.letters) keys.insert(letter.key);
      filter.cursor = page.next_cursor;
    } while (!filter.cursor.empty());
  }
  return std::vector<std::string>(keys.begin(), keys.end());
}

Result<std::uint64_t> StillWaiting(pipeline::DeadLetters& replayed,
                                   pipeline::DeadLetters& letters,
                                   const std::string& pipeline, const std::string& sink) {
  std::uint64_t waiting = 0;
  pipeline::DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.limit = 1'000;
  do {
    MR_TRY(const auto page, replayed.List(filter));
    for (const auto& letter : page.letters) {
      MR_TRY(const auto known, letters.Of(pipeline, sink, letter.event_id));
      const bool settled =
          known && (known->resent || known->state == pipeline::LetterState::kDismissed);
      if (!settled) ++waiting;
    }
    filter.cursor = page.next_cursor;
  } while (!filter.cursor.empty());
  return waiting;
}

}  // namespace millrace::app
