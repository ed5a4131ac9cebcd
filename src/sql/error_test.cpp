#include "error.hpp"

#include <gtest/gtest.h>

#include <utility>

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
      {DUCKDB_ERROR_INVALID, "IO Error: write: File too large",
       ErrorCode::kResourceExhausted},
      {DUCKDB_ERROR_INVALID_INPUT,
       "Invalid Input Error: No magic bytes found at end of file 'x'",
       ErrorCode::kDataLoss},
      {DUCKDB_ERROR_INVALID_INPUT,
       "Invalid Input Error: File 'x' too small to be a Parquet file",
       ErrorCode::kDataLoss},
      {DUCKDB_ERROR_PARSER, "Parser Error: syntax error", ErrorCode::kInvalidArgument},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(ToError(one.type, one.message).code(), one.expected) << one.message;
  }
}

TEST(EngineError, TakesNoQuotedValueForAStateOfTheSystem) {
  constexpr std::pair<duckdb_error_type, const char*> kErrors[] = {
      {DUCKDB_ERROR_CONVERSION, "Conversion Error: Could not convert string '"},
      {DUCKDB_ERROR_INVALID, "Conversion Error: Could not convert string '"},
      {DUCKDB_ERROR_INVALID_INPUT, "Invalid Input Error: Malformed JSON '"},
      {DUCKDB_ERROR_OUT_OF_RANGE, "Out of Range Error: cannot cast '"},
      {DUCKDB_ERROR_CONSTRAINT, "Constraint Error: Duplicate key '"},
  };
  constexpr const char* kValues[] = {"No space left on device",
                                     "Disk quota exceeded",
                                     "File too large",
                                     "failed to allocate data",
                                     "failed to pin block",
                                     "could not allocate block",
                                     "No magic bytes found",
                                     "checksum",
                                     "too small to be a Parquet file",
                                     "Failed to commit: failed to pin block"};
  for (const auto& [type, text] : kErrors) {
    for (const char* value : kValues) {
      const auto message = std::string(text) + value + "' to INT32";
      const auto error = ToError(type, message);
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << message;
      EXPECT_EQ(error.message(), message);
    }
  }
  EXPECT_EQ(ToError(DUCKDB_ERROR_TRANSACTION,
                    "TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE "
                    "constraint violation: duplicate key \"failed to pin block\"")
                .code(),
            ErrorCode::kConflict);
}

}  // namespace
}  // namespace millrace::sql
