#include "error.hpp"

namespace millrace::sql {
namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool DiskFull(std::string_view message) {
  return Has(message, "No space left on device") || Has(message, "Disk quota exceeded") ||
         Has(message, "File too large");
}

bool OutOfMemory(std::string_view message) {
  return message.starts_with("Out of Memory Error") ||
         Has(message, "failed to pin block") ||
         Has(message, "could not allocate block") ||
         Has(message, "failed to allocate data");
}

/// The engine leaves its tables in memory half appended then (seen with 1.5.5: a later
/// checkpoint finds a misaligned column): nothing may be written to it any more. The file
/// and its log are whole.
bool CommitRanOutOfMemory(std::string_view message) {
  return Has(message, "Failed to commit") && OutOfMemory(message);
}

bool Damaged(std::string_view message) {
  return Has(message, "Corrupt") || Has(message, "corrupt") || Has(message, "checksum") ||
         Has(message, "not a valid DuckDB database file");
}

/// Said as of bad input; the file's name is all that it quotes.
bool NoParquet(std::string_view message) {
  return message.starts_with(
             "Invalid Input Error: No magic bytes found at end of file") ||
         (message.starts_with("Invalid Input Error: File '") &&
          Has(message, "' too small to be a Parquet file"));
}

/// The engine gives the type, its text, or both.
bool Is(duckdb_error_type type, std::string_view message, duckdb_error_type asked,
        std::string_view prefix) {
  return type == asked || message.starts_with(prefix);
}

/// Whether the text speaks of the system alone. That of any other error quotes values of
/// rows, and these may say anything, "No space left on device" too.
bool OfTheSystem(duckdb_error_type type, std::string_view message) {
  if (Is(type, message, DUCKDB_ERROR_TRANSACTION, "TransactionContext Error")) {
    return !Has(message, "constraint");  // names the key that is there twice
  }
  return Is(type, message, DUCKDB_ERROR_IO, "IO Error") ||
         Is(type, message, DUCKDB_ERROR_OUT_OF_MEMORY, "Out of Memory Error") ||
         Is(type, message, DUCKDB_ERROR_SERIALIZATION, "Serialization Error") ||
         Is(type, message, DUCKDB_ERROR_FATAL, "FATAL Error") ||
         Is(type, message, DUCKDB_ERROR_INTERNAL, "INTERNAL Error");
}

ErrorCode SystemCode(duckdb_error_type type, std::string_view message) {
  if (DiskFull(message)) return ErrorCode::kResourceExhausted;
  if (CommitRanOutOfMemory(message)) return ErrorCode::kInternal;
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || OutOfMemory(message)) {
    return ErrorCode::kResourceExhausted;
  }
  const bool io = Is(type, message, DUCKDB_ERROR_IO, "IO Error");
  const bool stored =
      io || Is(type, message, DUCKDB_ERROR_SERIALIZATION, "Serialization Error");
  if (stored && Damaged(message)) return ErrorCode::kDataLoss;
  if (io) return ErrorCode::kUnavailable;
  if (type == DUCKDB_ERROR_TRANSACTION) return ErrorCode::kConflict;
  if (Is(type, message, DUCKDB_ERROR_FATAL, "FATAL Error") ||
      Is(type, message, DUCKDB_ERROR_INTERNAL, "INTERNAL Error")) {
    return ErrorCode::kInternal;
  }
  return ErrorCode::kInvalidArgument;
}

ErrorCode CodeOf(duckdb_error_type type, std::string_view message) {
  if (Is(type, message, DUCKDB_ERROR_INTERRUPT, "INTERRUPT Error")) {
    return ErrorCode::kDeadlineExceeded;
  }
  if (NoParquet(message)) return ErrorCode::kDataLoss;
  if (OfTheSystem(type, message)) return SystemCode(type, message);
  // A key that two transactions gave.
  if (type == DUCKDB_ERROR_TRANSACTION) return ErrorCode::kConflict;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

Error ToError(duckdb_error_type type, std::string_view message) {
  // Its hints about settings and its stack traces are not for our readers.
  std::string text(message.substr(0, message.find("\n\nStack Trace")));
  if (OfTheSystem(type, message) && CommitRanOutOfMemory(message)) {
    text.insert(0,
                "out of memory in a commit; raise the engine's memory and restart, "
                "nothing is lost: ");
  }
  return {CodeOf(type, message), std::move(text)};
}

}  // namespace millrace::sql
