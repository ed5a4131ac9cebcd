#include <cstdio>

#include "../exit_codes.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

ExitCode CodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFenced:
      return kInUse;
    case ErrorCode::kNotFound:
    case ErrorCode::kUnavailable:
      return kNotThere;
    case ErrorCode::kDataLoss:
      return kDamaged;
    case ErrorCode::kResourceExhausted:
      return kNoRoom;
    case ErrorCode::kConflict:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kInternal:
    case ErrorCode::kPreconditionFailed:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnprocessable:
      return kFailed;
  }
  return kFailed;
}

}  // namespace

int Report(const Error& error) {
  std::fprintf(stderr, "millrace: %s\n", error.message().c_str());
  for (const auto& field : error.fields()) {
    std::fprintf(stderr, "  %s: %s\n", field.pointer.c_str(), field.message.c_str());
  }
  return CodeOf(error.code());
}

}  // namespace millrace::app
