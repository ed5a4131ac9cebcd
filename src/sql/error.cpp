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

bool NoParquet(std::string_view message) {
  return Has(message, "No magic bytes found") ||
         Has(message, "too small to be a Parquet");
}

ErrorCode CodeOf(duckdb_error_type type, std::string_view message) {
  if (DiskFull(message)) return ErrorCode::kResourceExhausted;
  if (CommitRanOutOfMemory(message)) return ErrorCode::kInternal;
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY || OutOfMemory(message)) {
    return ErrorCode::kResourceExhausted;
  }
  if (type == DUCKDB_ERROR_INTERRUPT || message.starts_with("INTERRUPT Error")) {
    return ErrorCode::kDeadlineExceeded;
  }
  const bool io = type == DUCKDB_ERROR_IO || message.starts_with("IO Error");
  const bool stored = io || type == DUCKDB_ERROR_SERIALIZATION ||
                      message.starts_with("Serialization Error");
  if ((stored && Damaged(message)) || NoParquet(message)) return ErrorCode::kDataLoss;
  if (io) return ErrorCode::kUnavailable;
  if (type == DUCKDB_ERROR_TRANSACTION) return ErrorCode::kConflict;
  if (type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL ||
      message.starts_with("FATAL Error") || message.starts_with("INTERNAL Error")) {
    return ErrorCode::kInternal;
  }
  return ErrorCode::kInvalidArgument;
}

}  // namespace

Error ToError(duckdb_error_type type, std::string_view message) {
  // Its hints about settings and its stack traces are not for our readers.
  std::string text(message.substr(0, message.find("\n\nStack Trace")));
  if (CommitRanOutOfMemory(message)) {
    text.insert(0,
                "out of memory in a commit; raise the engine's memory and restart, "
                "nothing is lost: ");
  }
  return {CodeOf(type, message), std::move(text)};
}

}  // namespace millrace::sql
