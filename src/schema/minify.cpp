#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "value_check.hpp"

namespace millrace::schema {
namespace {

/// Longer ones carry nothing that a reader could use.
constexpr std::size_t kMaxNumberLength = 1024;
/// Up to here comparing all pairs is cheaper than sorting.
constexpr std::size_t kFewNames = 8;

}  // namespace

bool ValueCheck::Minify(ondemand::value value, const Path* where, int depth,
                        std::string& out) {
  const char first = value.raw_json_token()[0];
  if (first != '{' && first != '[') return MinifyScalar(value, where, out);
  if (depth > kMaxDepth) return Refuse(where, "is nested more than 64 deep");
  return first == '{' ? MinifyObject(value, where, depth, out)
                      : MinifyArray(value, where, depth, out);
}

bool ValueCheck::MinifyScalar(ondemand::value& value, const Path* where,
                              std::string& out) {
  const char first = value.raw_json_token()[0];
  if (first == '"') {
    Text text;
    if (!ReadText(value, where, &text)) return false;
    if (text.escaped) {
      AppendJsonString(out, text.content);
    } else {
      out += text.quoted;
    }
    return true;
  }
  if (first == 'n')
    return Check(Type::Simple(Kind::kText), value, where, 0, out, nullptr);
  if (first == 't' || first == 'f') return CheckBoolean(value, where, out, nullptr);
  const auto token = TrimmedToken(value);
  double number = 0;
  if (token.size() > kMaxNumberLength ||
      value.get_double().get(number) != simdjson::SUCCESS) {
    return Refuse(
        where, "must be JSON with numbers that a double can hold, not " + Excerpt(token));
  }
  out += token;  // as it stands: whoever wrote 1.50 may mean the zero
  return true;
}

bool ValueCheck::MinifyArray(ondemand::value& value, const Path* where, int depth,
                             std::string& out) {
  ondemand::array array;
  if (const auto code = value.get_array().get(array); code) return Break(code);
  std::size_t index = 0;
  out += '[';
  for (auto element : array) {
    ondemand::value item;
    if (const auto code = element.get(item); code) return Break(code);
    if (index > 0) out += ',';
    const auto path = Path::Element(where, index++);
    if (!Minify(item, &path, depth + 1, out)) return false;
  }
  out += ']';
  return true;
}

bool ValueCheck::MinifyObject(ondemand::value& value, const Path* where, int depth,
                              std::string& out) {
  ondemand::object object;
  if (const auto code = value.get_object().get(object); code) return Break(code);
  const auto first_name = names_.size();
  out += '{';
  for (auto result : object) {
    ondemand::field field;
    if (const auto code = std::move(result).get(field); code) return Break(code);
    std::string_view name;
    if (!Name(field, where, &name)) return false;
    if (names_.size() > first_name) out += ',';
    names_.push_back(name);
    AppendJsonKey(out, name);
    const auto path = Path::Member(where, name);
    if (!Minify(field.value(), &path, depth + 1, out)) return false;
  }
  out += '}';
  const bool differ = NamesDiffer(first_name, where);
  names_.resize(first_name);
  return differ;
}

bool ValueCheck::NamesDiffer(std::size_t first, const Path* where) {
  const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto refuse = [&](std::string_view name) {
    const auto path = Path::Member(where, name);
    return Refuse(&path, "is given twice");
  };
  if (names_.end() - begin <= static_cast<std::ptrdiff_t>(kFewNames)) {
    for (auto name = begin; name != names_.end(); ++name) {
      if (std::find(begin, name, *name) != name) return refuse(*name);
    }
    return true;
  }
  // Sorted, not hashed: nobody can choose names that make it slow.
  std::sort(begin, names_.end());
  const auto twice = std::adjacent_find(begin, names_.end());
  return twice == names_.end() || refuse(*twice);
}

Result<std::string> MinifyJson(std::string_view padded) {
  Problems problems;
  std::string out;
  if (CheckText(Type::Simple(Kind::kJson), padded, nullptr, problems, out)) return out;
  return Fail(std::move(problems).ToError());
}

}  // namespace millrace::schema
