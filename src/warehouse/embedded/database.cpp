#include "database.hpp"

#include <utility>

namespace millrace::warehouse {

namespace {

/// A checkpoint alone also moves the rows that are left in row groups with deleted ones
/// together: seconds in which no one can write. While a reader has a snapshot from before
/// the last commit the engine leaves that out. Merges do it instead, see table_merge.cpp.
Status CheckpointOnly(sql::Engine& engine) {
  MR_TRY(const auto reader, engine.Connect());
  MR_TRY(const auto writer, engine.Connect());
  MR_CHECK_OK(reader->Run("BEGIN; SELECT * FROM _mr._mr_checkpoint"));
  // Not an update: its old values would be kept for the reader and be in the way.
  MR_CHECK_OK(
      writer->Run("BEGIN; DELETE FROM _mr._mr_checkpoint;"
                  "INSERT INTO _mr._mr_checkpoint VALUES (1); COMMIT"));
  return writer->Run("CHECKPOINT");
}

}  // namespace

std::string CreateCheckpointMark() {
  return "CREATE TABLE IF NOT EXISTS _mr._mr_checkpoint(mark INTEGER)";
}

Status Database::Checkpoint() {
  const std::scoped_lock one(checkpoints);
  gate.EnterAlone();
  auto done = CheckpointOnly(*engine);
  gate.LeaveAlone();
  return done;
}

Status Database::CheckpointIfLong(std::uint64_t wal_bytes) {
  if (WalBytes() < 2 * wal_bytes) return {};
  auto done = Checkpoint();
  if (!done && done.error().code() == ErrorCode::kConflict) return {};
  return done;
}

std::uint64_t Database::WalBytes() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(wal(), error);
  return error ? 0 : size;
}

Result<Transaction> Transaction::Begin(Database& database, sql::Session& session) {
  database.gate.EnterWriter();
  auto begun = session.Run("BEGIN");
  if (!begun) {
    database.gate.LeaveWriter();
    return Fail(std::move(begun).error());
  }
  return Transaction(database, session);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(other.database_), session_(std::exchange(other.session_, nullptr)) {}

Transaction::~Transaction() {
  if (session_ == nullptr) return;
  // Fails only when the engine has rolled back by itself.
  static_cast<void>(session_->Run("ROLLBACK"));
  database_->gate.LeaveWriter();
}

Status Transaction::Commit() {
  auto done = session_->Run("COMMIT");
  if (!done) return done;
  session_ = nullptr;
  database_->gate.LeaveWriter();
  return {};
}

}  // namespace millrace::warehouse
