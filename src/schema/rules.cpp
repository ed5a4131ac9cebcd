#include "rules.hpp"

#include <algorithm>

namespace millrace::schema {
namespace {

std::string_view UnitOf(Kind kind) {
  if (kind == Kind::kBytes) return " bytes";
  return kind == Kind::kArray ? " items" : " characters";
}

std::uint64_t CountCodePoints(std::string_view utf8) {
  std::uint64_t count = 0;
  for (const char c : utf8)
    count += (static_cast<unsigned char>(c) & 0xc0u) != 0x80 ? 1 : 0;
  return count;
}

/// Elements of a canonical array.
std::uint64_t CountItems(std::string_view literal) {
  std::uint64_t commas = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    const char c = literal[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 1) {
      ++commas;
    }
  }
  return literal == "[]" ? 0 : commas + 1;
}

}  // namespace

Rules::Rules(const Field& field)
    : kind_(field.type.kind),
      min_(Compile(field.type, field.min_json)),
      max_(Compile(field.type, field.max_json)),
      in_(field.in_json),
      min_length_(field.min_length),
      max_length_(field.max_length) {
  for (const auto& literal : in_) {
    if (!in_shown_.empty()) in_shown_ += ", ";
    in_shown_ += TextOf(literal);
  }
  std::sort(in_.begin(), in_.end());
}

std::optional<Rules::Bound> Rules::Compile(const Type& type,
                                           const std::optional<std::string>& literal) {
  if (!literal) return std::nullopt;
  Bound bound;
  auto scalar = ReadScalar(type, *literal, bound.text);
  if (!scalar) return std::nullopt;  // the project reader has refused it with a place
  bound.shown = TextOf(*literal);
  bound.text = scalar->text;
  bound.scalar = *scalar;
  return bound;
}

int Rules::Compare(const Scalar& a, const Bound& b) const {
  const auto sign = [](const auto& x, const auto& y) {
    return x < y ? -1 : y < x ? 1 : 0;
  };
  switch (kind_) {
    case Kind::kDouble:
      return sign(a.real, b.scalar.real);
    case Kind::kText:
      return sign(a.text, std::string_view(b.text));
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDecimal:
    case Kind::kDate:
    case Kind::kTimestamp:
      return sign(a.whole, b.scalar.whole);
    default:
      return 0;
  }
}

std::string Rules::Broken(std::string_view literal, const Scalar& scalar) const {
  if (min_ && Compare(scalar, *min_) < 0) return "must be at least " + min_->shown;
  if (max_ && Compare(scalar, *max_) > 0) return "must be at most " + max_->shown;
  if (!in_.empty() && !std::binary_search(in_.begin(), in_.end(), literal)) {
    return "must be one of " + in_shown_;
  }
  if (min_length_ || max_length_) return BrokenLength(literal, scalar);
  return {};
}

std::string Rules::BrokenLength(std::string_view literal, const Scalar& scalar) const {
  std::uint64_t length = 0;
  if (kind_ == Kind::kText) {
    length = CountCodePoints(scalar.text);
  } else if (kind_ == Kind::kBytes) {
    length = scalar.byte_count;
  } else if (kind_ == Kind::kArray) {
    length = CountItems(literal);
  } else {
    return {};
  }
  const auto say = [&](std::string_view what, std::uint32_t limit) {
    return "must have at " + std::string(what) + " " + std::to_string(limit) +
           std::string(UnitOf(kind_)) + ", has " + std::to_string(length);
  };
  if (min_length_ && length < *min_length_) return say("least", *min_length_);
  if (max_length_ && length > *max_length_) return say("most", *max_length_);
  return {};
}

}  // namespace millrace::schema
