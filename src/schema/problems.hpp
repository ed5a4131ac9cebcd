#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::schema {

/// Where a check is, as a list on the stack: a pointer text is made only for a problem.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;  ///< of a member, unless this is an element
  std::size_t index = 0;  ///< of an element
  bool is_element = false;

  static Path Member(const Path* parent, std::string_view name) {
    return {parent, name, 0, false};
  }
  static Path Element(const Path* parent, std::size_t index) {
    return {parent, {}, index, true};
  }
};

/// RFC 6901: "/items/3/a~1b"; "" for no path.
std::string ToPointer(const Path* where);

/// Everything that is wrong with one body. Broken JSON outweighs bad fields, since what
/// was read of it may mean nothing.
class Problems {
 public:
  void Add(const Path* where, std::string message);
  void Break(std::string why);

  bool none() const { return count_ == 0 && broken_.empty(); }
  bool broken() const { return !broken_.empty(); }
  std::size_t count() const { return count_; }
  /// Only if there is one.
  Error ToError() &&;

 private:
  /// A body full of bad fields must not be answered by an answer many times its size.
  static constexpr std::size_t kMaxListed = 100;

  std::string broken_;
  std::size_t count_ = 0;
  std::vector<FieldError> fields_;
};

}  // namespace millrace::schema
