#include <algorithm>
#include <charconv>
#include <set>

#include "base/bytes.hpp"
#include "cursor.hpp"
#include "operators.hpp"
#include "url.hpp"

namespace millrace::query {
namespace {

using schema::Columns;

constexpr std::size_t kMaxFilters = 50;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Reads the parameters one by one and keeps what is wrong with each.
class Parser {
 public:
  Parser(std::string_view name, const Columns& columns, std::string_view key,
         const std::vector<std::string_view>& extra, Seal seal)
      : name_(name), columns_(columns), key_(Find(key)), extra_(extra) {
    query_.seal = std::move(seal);
  }

  Result<Query> Parse(std::string_view raw) {
    for (auto& parameter : SplitParameters(raw)) Read(parameter);
    CompleteOrder();
    query_.seal.of.append("\n").append(Described(query_, name_, columns_));
    // A cursor is judged by the query it came with, so that must be sound.
    if (problems_.empty() && !cursor_.empty()) ReadCursor();
    if (problems_.empty()) return std::move(query_);
    const auto count = std::to_string(problems_.size());
    return Fail(
        Error(ErrorCode::kInvalidArgument,
              count + (problems_.size() == 1 ? " bad parameter" : " bad parameters"),
              std::move(problems_)));
  }

 private:
  std::size_t Find(std::string_view name) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].name == name) return i;
    }
    return kNone;
  }

  void Refuse(std::string_view parameter, std::string message) {
    // Names come from the URL: what is not a name is shown as an excerpt.
    const bool plain = std::all_of(parameter.begin(), parameter.end(),
                                   [](char c) { return c > ' ' && c < 127; });
    problems_.push_back(
        {plain && parameter.size() <= 64 ? std::string(parameter) : Excerpt(parameter),
         std::move(message)});
  }

  void Read(Parameter& parameter) {
    const auto& name = parameter.name;
    if (parameter.broken) return Refuse(name, "has a % without two hex digits");
    const bool is_extra = std::find(extra_.begin(), extra_.end(), name) != extra_.end();
    if (is_extra || name == "order" || name == "limit" || name == "cursor") {
      if (!seen_.insert(name).second) return Refuse(name, "is given twice");
    }
    if (is_extra) {
      query_.extra.emplace(name, std::move(parameter.value));
    } else if (name == "order") {
      ReadOrder(parameter.value);
    } else if (name == "limit") {
      ReadLimit(parameter.value);
    } else if (name == "cursor") {
      cursor_ = std::move(parameter.value);
      if (cursor_.empty()) Refuse(name, "is empty");
    } else {
      ReadFilter(parameter);
    }
  }

  void ReadFilter(const Parameter& parameter) {
    const auto column = Find(parameter.name);
    if (column == kNone) return Refuse(parameter.name, Unknown(parameter.name, true));
    if (query_.filters.size() == kMaxFilters) {
      return Refuse(parameter.name, "is one filter too many: at most 50");
    }
    auto filter = ParseFilter(column, columns_[column], parameter.value);
    if (!filter) return Refuse(parameter.name, filter.error().message());
    query_.filters.push_back(std::move(*filter));
  }

  std::string Unknown(std::string_view name, bool or_parameter) const {
    std::vector<std::string_view> names;
    for (const auto& column : columns_) names.push_back(column.name);
    std::string message = "is not a field of " + std::string(name_);
    if (or_parameter) {
      message += ", nor order, limit or cursor";
      names.insert(names.end(), {"order", "limit", "cursor"});
      names.insert(names.end(), extra_.begin(), extra_.end());
    }
    const auto near = NearMiss(name, names.data(), names.size());
    if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
    return message;
  }

  void ReadOrder(std::string_view text) {
    while (true) {
      const auto part = text.substr(0, text.find(','));
      ReadOrderColumn(part);
      if (part.size() == text.size()) return;
      text.remove_prefix(part.size() + 1);
    }
  }

  void ReadOrderColumn(std::string_view part) {
    const auto point = part.find('.');
    const auto name = part.substr(0, point);
    const auto direction = point == part.npos ? "asc" : part.substr(point + 1);
    const auto column = Find(name);
    if (column == kNone) {
      return Refuse("order", Excerpt(name) + " " + Unknown(name, false));
    }
    if (direction != "asc" && direction != "desc") {
      return Refuse("order", Excerpt(direction) + ": write " + columns_[column].name +
                                 ".asc or .desc (nulls come last, with desc first)");
    }
    const auto& type = columns_[column].type;
    if (!type.scalar() || type.kind == schema::Kind::kJson) {
      return Refuse("order", columns_[column].name + " is " + type.ToString() +
                                 ", which has no order");
    }
    for (const auto& order : query_.order) {
      if (order.column == column) {
        return Refuse("order", columns_[column].name + " is given twice");
      }
    }
    query_.order.push_back({column, direction == "desc"});
  }

  void CompleteOrder() {
    if (key_ == kNone) return;
    auto& order = query_.order;
    const auto is_key = [&](const Order& o) { return o.column == key_; };
    const auto at = std::find_if(order.begin(), order.end(), is_key);
    // Keys differ, so what stands behind one decides nothing.
    if (at != order.end()) {
      order.erase(at + 1, order.end());
    } else {
      order.push_back({key_, !order.empty() && order.back().descending});
    }
  }

  void ReadLimit(std::string_view text) {
    std::uint32_t limit = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, limit);
    if (parsed.ec != std::errc() || parsed.ptr != end || limit < 1 || limit > kMaxLimit) {
      return Refuse("limit",
                    "must be a whole number from 1 to 1000, not " + Excerpt(text));
    }
    query_.limit = limit;
  }

  void ReadCursor() {
    auto after = DecodeCursor(query_, columns_, cursor_);
    if (!after) {
      return Refuse("cursor",
                    "is not a next_cursor of this query: filters, order and who asks "
                    "must be the same on every page; begin again without it");
    }
    query_.after = std::move(*after);
  }

  std::string_view name_;
  const Columns& columns_;
  std::size_t key_;
  const std::vector<std::string_view>& extra_;
  std::set<std::string> seen_;
  std::string cursor_;
  std::vector<FieldError> problems_;
  Query query_;
};

}  // namespace

Result<Query> Parse(std::string_view raw, std::string_view name, const Columns& columns,
                    std::string_view key, const std::vector<std::string_view>& extra,
                    Seal seal) {
  return Parser(name, columns, key, extra, std::move(seal)).Parse(raw);
}

}  // namespace millrace::query
