#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// Says what the caller can do, never which vendor failed. Append new codes at the end:
/// the numbers are stored. Only http/problem.cpp turns one into a status.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,     ///< change the request; the same call fails again
  kUnauthenticated,     ///< no credentials, or bad ones
  kPermissionDenied,    ///< known caller, wrong tenant or role
  kNotFound,            ///< the named thing is absent
  kConflict,            ///< it exists, or its revision moved: read again
  kResourceExhausted,   ///< over a quota or the disk is full: retry after a pause
  kOutOfRange,          ///< the position asked for is gone: take a snapshot
  kDeadlineExceeded,    ///< outcome unknown: retry only what is idempotent
  kUnavailable,         ///< nothing happened: retry is safe
  kDataLoss,            ///< stored bytes are damaged: stop and page a person
  kInternal,            ///< our bug
  kPreconditionFailed,  ///< If-Match named another version
  kTooLarge,            ///< over a size limit: send less
  kUnprocessable,       ///< an idempotency key came back with another request
  kFenced,              ///< another writer owns this sink or stream: stop
};

/// "kDataLoss" → "data_loss": the form used in JSON, logs and metrics labels.
std::string_view ToString(ErrorCode code);

/// One bad field of a request: JSON pointer ("/items/3/amount") and what was expected.
struct FieldError {
  std::string pointer;
  std::string message;
  friend bool operator==(const FieldError&, const FieldError&) = default;
};

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message)
      : code_(code), message_(std::move(message)) {}
  Error(ErrorCode code, std::string message, std::vector<FieldError> fields)
      : code_(code), message_(std::move(message)), fields_(std::move(fields)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::vector<FieldError>& fields() const { return fields_; }

  /// "disk full" → "append to orders: disk full".
  Error&& During(std::string_view action) && {
    message_.insert(0, std::string(action) + ": ");
    return std::move(*this);
  }
  /// Nothing happened, and the same call may succeed later.
  bool retryable() const {
    return code_ == ErrorCode::kUnavailable || code_ == ErrorCode::kResourceExhausted;
  }
  /// "data_loss: log/orders/000.log at 4096: bad checksum"
  std::string ToString() const;

 private:
  ErrorCode code_;
  std::string message_;
  std::vector<FieldError> fields_;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
inline std::unexpected<Error> Fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace millrace

#define MR_CONCAT_INNER(a, b) a##b
#define MR_CONCAT(a, b) MR_CONCAT_INNER(a, b)

/// MR_TRY(auto x, Call()); gives the error up to the caller, else declares x.
#define MR_TRY(declaration, expression) \
  MR_TRY_INNER(declaration, expression, MR_CONCAT(mr_try_, __LINE__))
#define MR_TRY_INNER(declaration, expression, name)           \
  auto name = (expression);                                   \
  if (!name) return std::unexpected(std::move(name).error()); \
  declaration = std::move(*name)

/// MR_CHECK_OK(Call()); gives the error up to the caller.
#define MR_CHECK_OK(expression)                             \
  do {                                                      \
    if (auto mr_status = (expression); !mr_status)          \
      return std::unexpected(std::move(mr_status).error()); \
  } while (false)
