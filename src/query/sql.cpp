#include "query/sql.hpp"

#include "base/json.hpp"
#include "operators.hpp"
#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using schema::Columns;
using schema::Kind;
using schema::Type;

/// `a*b` as a pattern of GLOB (`*` any text) or LIKE (`%` any text, `\` escapes).
std::string PatternLiteral(std::string_view literal, bool glob) {
  std::string pattern;
  for (const char c : schema::TextOf(literal)) {
    if (glob && (c == '?' || c == '[')) {
      pattern.append("[").append(1, c).append("]");
    } else if (!glob && c == '*') {
      pattern += '%';
    } else {
      if (!glob && (c == '%' || c == '_' || c == '\\')) pattern += '\\';
      pattern += c;
    }
  }
  std::string out;
  AppendJsonString(out, pattern);
  return out;
}

/// A to Z alone, as SQLite's LIKE and Match do it; ILIKE would fold all letters there
/// are.
std::string FoldedSql(const std::string& column) {
  return "translate(" + column +
         ", 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')";
}
std::string Folded(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class Writer {
 public:
  Writer(const Query& query, const Columns& columns, const SqlDialect& dialect)
      : query_(query), columns_(columns), dialect_(dialect) {}

  SqlText Write() {
    for (const auto& filter : query_.filters) AddCondition(FilterSql(filter));
    if (!query_.visible.always()) AddCondition(ConditionSql(query_.visible));
    if (!query_.after.empty()) AddCursor();
    if (out_.where.empty()) out_.where = "TRUE";
    for (std::size_t i = 0; i < query_.order.size(); ++i) {
      if (i > 0) out_.order_by += ", ";
      const bool descending = query_.order[i].descending;
      out_.order_by += Column(i) + (descending ? " DESC" : " ASC");
      if (Nullable(i)) out_.order_by += descending ? " NULLS FIRST" : " NULLS LAST";
    }
    return std::move(out_);
  }

 private:
  void AddCondition(const std::string& condition) {
    if (!out_.where.empty()) out_.where += " AND ";
    out_.where += condition;
  }

  std::string Bind(const Type& type, std::string literal) {
    out_.parameters.push_back({type, std::move(literal)});
    return dialect_.parameter(type);
  }

  std::string ConditionSql(const Condition& condition) {
    switch (condition.kind) {
      case Condition::Kind::kFilter:
        return FilterSql(condition.filter);
      case Condition::Kind::kColumns:
        return Negated(condition.filter, dialect_.column(condition.filter.column) +
                                             std::string(SignOf(condition.filter.op)) +
                                             dialect_.column(condition.other));
      case Condition::Kind::kAll:
        return Joined(condition.parts, " AND ", "TRUE");
      case Condition::Kind::kAny:
        return Joined(condition.parts, " OR ", "FALSE");
    }
    return "FALSE";
  }

  std::string Joined(const std::vector<Condition>& parts, std::string_view with,
                     std::string_view none) {
    if (parts.empty()) return std::string(none);
    std::string out = "(";
    for (const auto& part : parts) {
      if (&part != &parts.front()) out += with;
      out += ConditionSql(part);
    }
    return out + ")";
  }

  std::string FilterSql(const Filter& filter) {
    return Negated(filter, Positive(filter));
  }

  static std::string Negated(const Filter& filter, const std::string& text) {
    return filter.negated ? "NOT (" + text + ")" : text;
  }

  std::string Positive(const Filter& filter) {
    const auto column = dialect_.column(filter.column);
    const auto& type = columns_[filter.column].type;
    switch (filter.op) {
      case Op::kEq:
      case Op::kNeq:
      case Op::kGt:
      case Op::kGte:
      case Op::kLt:
      case Op::kLte:
        return column + std::string(SignOf(filter.op)) + Bind(type, filter.literals[0]);
      case Op::kIsNull:
        return column + " IS NULL";
      case Op::kIn:
        break;
      case Op::kLike:
      case Op::kILike:
        return Pattern(filter, column);
    }
    std::string list;
    for (const auto& literal : filter.literals) {
      if (!list.empty()) list += ", ";
      list += Bind(type, literal);
    }
    return column + " IN (" + list + ")";
  }

  std::string Pattern(const Filter& filter, const std::string& column) {
    const bool any_case = filter.op == Op::kILike;
    const bool glob = !dialect_.like_minds_case && !any_case;
    const bool fold = dialect_.like_minds_case && any_case;
    const auto literal = PatternLiteral(filter.literals[0], glob);
    const auto bound = Bind(Type::Simple(Kind::kText), fold ? Folded(literal) : literal);
    if (glob) return column + " GLOB " + bound;
    return (fold ? FoldedSql(column) : column) + " LIKE " + bound + " ESCAPE '\\'";
  }

  // The cursor's columns by their place in the order.

  std::string Column(std::size_t i) const {
    return dialect_.column(query_.order[i].column);
  }
  bool Nullable(std::size_t i) const {
    if (i + 1 == query_.order.size()) return false;  // the key
    return !dialect_.nullable || dialect_.nullable(query_.order[i].column);
  }
  bool IsNull(std::size_t i) const { return query_.after[i] == "null"; }
  std::string Value(std::size_t i) {
    return Bind(columns_[query_.order[i].column].type, query_.after[i]);
  }

  std::string SameAs(std::size_t i) {
    return IsNull(i) ? Column(i) + " IS NULL" : Column(i) + " = " + Value(i);
  }

  /// Rows that come after the cursor by this column alone; empty if none can.
  std::string Beyond(std::size_t i) {
    const bool descending = query_.order[i].descending;
    if (IsNull(i)) return descending ? Column(i) + " IS NOT NULL" : "";
    const auto beyond = Column(i) + (descending ? " < " : " > ") + Value(i);
    if (descending || !Nullable(i)) return beyond;
    return "(" + beyond + " OR " + Column(i) + " IS NULL)";
  }

  /// Follows from the rest, but is a plain range that an index can begin at.
  void AddRange() {
    const bool descending = query_.order[0].descending;
    if (query_.order.size() == 1 || IsNull(0) || (!descending && Nullable(0))) return;
    AddCondition(Column(0) + (descending ? " <= " : " >= ") + Value(0));
  }

  /// (a after) or (a same and b after) or (a same and b same and key after).
  void AddCursor() {
    AddRange();
    std::string all;
    for (std::size_t last = 0; last < query_.order.size(); ++last) {
      // Texts are made in the order they stand in: parameters are numbered by it.
      if (IsNull(last) && !query_.order[last].descending) continue;
      std::string one;
      for (std::size_t i = 0; i < last; ++i) one += SameAs(i) + " AND ";
      one += Beyond(last);
      if (!all.empty()) all += " OR ";
      all += last > 0 ? "(" + one + ")" : one;
    }
    AddCondition("(" + all + ")");
  }

  const Query& query_;
  const Columns& columns_;
  const SqlDialect& dialect_;
  SqlText out_;
};

}  // namespace

SqlText ToSql(const Query& query, const Columns& columns, const SqlDialect& dialect) {
  return Writer(query, columns, dialect).Write();
}

}  // namespace millrace::query
