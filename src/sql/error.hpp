#pragma once

#include <duckdb.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::sql {

/// What the caller can do about an error of the engine; `type` may be
/// DUCKDB_ERROR_INVALID where the engine gives only a text.
Error ToError(duckdb_error_type type, std::string_view message);

/// A result that is destroyed at the end.
class Answer {
 public:
  Answer() = default;
  ~Answer() { duckdb_destroy_result(&result_); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  duckdb_result* get() { return &result_; }
  Error error() {
    const char* message = duckdb_result_error(&result_);
    return ToError(duckdb_result_error_type(&result_),
                   message == nullptr ? "unknown error" : message);
  }

 private:
  duckdb_result result_{};
};

}  // namespace millrace::sql
