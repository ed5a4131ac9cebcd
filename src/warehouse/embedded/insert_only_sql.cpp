#include "insert_only_sql.hpp"

#include <algorithm>

#include "sql/engine.hpp"
#include "sql_parts.hpp"

namespace millrace::warehouse {
namespace {

using sql::QuoteName;

std::string First(const std::string& column) {
  return QuoteName(std::string(kFirstPrefix) + column);
}

/// States of records as they came: each is its own first.
std::string DeltaStates(const TableShape& shape, const std::string& from,
                        const std::string& condition) {
  std::string firsts;
  for (const auto& name : shape.insert_only) {
    firsts += ", " + QuoteName(name) + " AS " + First(name);
  }
  return "SELECT " + std::string(kOwnNames) + Names(shape.columns, "") + firsts + ", " +
         VersionOf("s") + " AS _mr_v, " + VersionOf("s") +
         " AS _mr_f, 0::UHUGEINT AS _mr_a FROM " + from + " s WHERE " + condition;
}

std::string BaseStates(const TableShape& shape, const std::string& condition) {
  std::string firsts;
  for (const auto& name : shape.insert_only) firsts += ", " + First(name);
  return "SELECT " + std::string(kOwnNames) + Names(shape.columns, "") + firsts + ", " +
         VersionOf("s") +
         " AS _mr_v, (_mr_first_high::UHUGEINT << 64) | _mr_first_low AS _mr_f, "
         "(_mr_after_high::UHUGEINT << 64) | _mr_after_low AS _mr_a FROM " +
         BaseTable(shape) + " s WHERE " + condition;
}

/// One row a key: its newest state, `_mr_after` the newest tombstone, `_mr_begin` the
/// version that its life began with, and `_mr_values` those of that version. A state that
/// knows a first version from before the tombstone has itself to offer.
std::string Newest(const TableShape& shape, const std::string& states) {
  const auto per_key = " OVER (PARTITION BY " + QuoteName(shape.key);
  std::string values;
  for (const auto& name : shape.insert_only) {
    values += (values.empty() ? "" : ", ") + First(name) +
              " := CASE WHEN _mr_f > _mr_after THEN " + First(name) + " ELSE " +
              QuoteName(name) + " END";
  }
  const auto known = "SELECT *, max(CASE WHEN _mr_deleted THEN _mr_v ELSE _mr_a END)" +
                     per_key + ") AS _mr_after, row_number()" + per_key +
                     " ORDER BY _mr_v DESC) AS _mr_place FROM (" + states + ")";
  const auto begun =
      "SELECT *, CASE WHEN _mr_deleted THEN NULL WHEN _mr_f > _mr_after THEN _mr_f WHEN "
      "_mr_v > _mr_after THEN _mr_v END AS _mr_start FROM (" +
      known + ")";
  return "SELECT * FROM (SELECT *, min(_mr_start)" + per_key +
         ") AS _mr_begin, arg_min(struct_pack(" + values + "), _mr_start)" + per_key +
         ") AS _mr_values FROM (" + begun + ")) WHERE _mr_place = 1";
}

/// The view's columns; `first`: the expression of an insert-only one.
template <typename Expression>
std::string Shown(const TableShape& shape, Expression first) {
  std::string text = "SELECT ";
  for (const auto& column : shape.columns) {
    const bool keeps =
        std::ranges::find(shape.insert_only, column.name) != shape.insert_only.end();
    const auto name = "n." + QuoteName(column.name);
    text += (keeps ? first(column.name) + " AS " + QuoteName(column.name) : name) + ", ";
  }
  return text + VersionText("n") + " AS " + QuoteName(kVersionColumn);
}

std::string ShowNewest(const TableShape& shape, const std::string& states) {
  const auto first = [](const std::string& name) {
    return "n._mr_values[" + sql::QuoteText(std::string(kFirstPrefix) + name) + "]";
  };
  return Shown(shape, first) + " FROM (" + Newest(shape, states) +
         ") n WHERE NOT n._mr_deleted";
}

}  // namespace

std::string FirstDefinitions(const TableShape& shape) {
  if (shape.insert_only.empty()) return "";
  std::string text =
      ", _mr_first_high UBIGINT NOT NULL, _mr_first_low UBIGINT NOT NULL, _mr_after_high "
      "UBIGINT NOT NULL, _mr_after_low UBIGINT NOT NULL";
  for (const auto& name : shape.insert_only) {
    const auto column = std::ranges::find(shape.columns, name, &schema::TypedName::name);
    text += ", " + First(name) + " " + column->type.ToSql();
  }
  return text;
}

std::string FirstNames(const TableShape& shape) {
  if (shape.insert_only.empty()) return "";
  std::string text = ", _mr_first_high, _mr_first_low, _mr_after_high, _mr_after_low";
  for (const auto& name : shape.insert_only) text += ", " + First(name);
  return text;
}

std::string SelectWithFirst(const TableShape& shape, const std::string& deltas) {
  const auto key = QuoteName(shape.key);
  const auto in_deltas = key + " IN (SELECT " + key + " FROM " + deltas + ")";
  const auto first = [](const std::string& name) { return "n." + First(name); };
  return Shown(shape, first) + " FROM " + BaseTable(shape) + " n ANTI JOIN " + deltas +
         " d ON d." + key + " = n." + key + " WHERE NOT n._mr_deleted UNION ALL " +
         ShowNewest(shape, DeltaStates(shape, deltas, "TRUE") + " UNION ALL " +
                               BaseStates(shape, in_deltas));
}

std::string SelectNewestWithFirst(const TableShape& shape,
                                  const KeyCondition& condition) {
  auto states = DeltaStates(shape, DeltaTable(shape, shape.delta), condition.keys);
  if (shape.frozen) {
    states += " UNION ALL " +
              DeltaStates(shape, DeltaTable(shape, *shape.frozen), condition.keys);
  }
  for (const auto& one : BaseConditions(shape, condition)) {
    states += " UNION ALL " + BaseStates(shape, one);
  }
  return ShowNewest(shape, states);
}

std::string SelectMergedWithFirst(const TableShape& shape,
                                  const std::string& delta_condition,
                                  const std::string& base_condition) {
  const auto key = QuoteName(shape.key);
  const auto frozen = DeltaTable(shape, *shape.frozen);
  const auto keys =
      key + " IN (SELECT " + key + " FROM " + frozen + " WHERE " + delta_condition + ")";
  const auto states = DeltaStates(shape, frozen, delta_condition) + " UNION ALL " +
                      BaseStates(shape, base_condition + " AND " + keys);
  const auto halves = [](const std::string& version, const std::string& name) {
    return "(" + version + " >> 64)::UBIGINT AS _mr_" + name + "_high, (" + version +
           " & 18446744073709551615::UHUGEINT)::UBIGINT AS _mr_" + name + "_low";
  };
  std::string firsts;
  for (const auto& name : shape.insert_only) {
    firsts += ", _mr_values[" + sql::QuoteText(std::string(kFirstPrefix) + name) +
              "] AS " + First(name);
  }
  return "SELECT " + std::string(kOwnNames) + ", " + HashOf(shape) + " AS _mr_hash, " +
         halves("(CASE WHEN _mr_deleted THEN 0::UHUGEINT ELSE _mr_begin END)", "first") +
         ", " + halves("_mr_after", "after") + firsts + Names(shape.columns, "") +
         " FROM (" + Newest(shape, states) + ")";
}

}  // namespace millrace::warehouse
