#include "error.hpp"

#include <gtest/gtest.h>

namespace millrace::sql {
namespace {

TEST(EngineError, SaysWhatTheCallerCanDo) {
  struct Case {
    duckdb_error_type type;
    const char* message;
    ErrorCode expected;
  };
  constexpr Case kCases[] = {
      {DUCKDB_ERROR_TRANSACTION,
       "TransactionContext Error: Failed to commit: failed to pin block of size 256.0 "
       "KiB "
       "(127.7 MiB/128.0 MiB used)",
       ErrorCode::kInternal},
      {DUCKDB_ERROR_OUT_OF_MEMORY, "Out of Memory Error: x",
       ErrorCode::kResourceExhausted},
      {DUCKDB_ERROR_IO, "IO Error: write: No space left on device",
       ErrorCode::kResourceExhausted},
      {DUCKDB_ERROR_TRANSACTION, "TransactionContext Error: Conflict on update!",
       ErrorCode::kConflict},
      {DUCKDB_ERROR_INTERRUPT, "INTERRUPT Error: Interrupted!",
       ErrorCode::kDeadlineExceeded},
      {DUCKDB_ERROR_IO, "IO Error: Corrupt database file", ErrorCode::kDataLoss},
      {DUCKDB_ERROR_INVALID, "IO Error: cannot open", ErrorCode::kUnavailable},
      {DUCKDB_ERROR_PARSER, "Parser Error: syntax error", ErrorCode::kInvalidArgument},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(ToError(one.type, one.message).code(), one.expected) << one.message;
  }
}

}  // namespace
}  // namespace millrace::sql
