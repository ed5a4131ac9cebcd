#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schema/collection.hpp"

namespace millrace::schema {

/// Checks what is stored of one field against what is declared of it now. Not for
/// several threads at a time.
class StoredCheck {
 public:
  explicit StoredCheck(Field field);
  StoredCheck(StoredCheck&&) noexcept;
  ~StoredCheck();

  /// Whether anything is declared that a value could break.
  bool HasRules() const;
  /// What the field of a canonical document breaks ("must be at least 5", "is required"),
  /// empty if nothing. A field that is absent counts as its default.
  std::string Broken(std::string_view document);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::schema
