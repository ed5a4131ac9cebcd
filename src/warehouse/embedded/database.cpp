#include "database.hpp"

#include <chrono>
#include <thread>
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

Status CreateDatabase(const std::filesystem::path& file) {
  sql::EngineOptions engine;
  engine.database = file.string() + ".new";
  std::error_code absent;
  std::filesystem::remove(engine.database, absent);
  std::filesystem::remove(engine.database.string() + ".wal", absent);
  MR_TRY(auto made, sql::Engine::Open(engine));
  made.reset();
  return PublishFile(engine.database, file);
}

std::string CreateCheckpointMark() {
  return "CREATE TABLE IF NOT EXISTS _mr._mr_checkpoint(mark INTEGER)";
}

Status Database::Checkpoint() {
  const std::scoped_lock one(checkpoints);
  return FoldLog();
}

Status Database::FoldLogAlone() {
  MR_CHECK_OK(CheckSound());
  auto done = CheckpointOnly(*engine);
  Judge(done);
  return done;
}

Status Database::FoldLog() {
  gate.EnterAlone();
  auto done = FoldLogAlone();
  gate.LeaveAlone();
  return done;
}

void Database::Judge(const Status& commit) {
  if (commit || commit.error().code() != ErrorCode::kInternal) return;
  const std::scoped_lock lock(broken_mutex_);
  if (!broken_) broken_ = commit.error();
}

Status Database::CheckSound() const {
  const std::scoped_lock lock(broken_mutex_);
  if (broken_) return Fail(*broken_);
  return {};
}

Status Database::CheckpointIfLong(std::uint64_t wal_bytes) {
  if (WalBytes() < 2 * wal_bytes) return {};
  auto done = Checkpoint();
  if (!done && done.error().code() == ErrorCode::kConflict) return {};
  return done;
}

/// The length of the file that has all of the log. Holds `checkpoints`.
Result<std::uint64_t> Database::FoldLogToCopy() {
  constexpr std::chrono::milliseconds kAgain{50};
  const auto until = Deadline::After(std::chrono::minutes(1));
  auto done = FoldLog();
  while (!done && done.error().code() == ErrorCode::kConflict && !until.expired()) {
    std::this_thread::sleep_for(kAgain);
    done = FoldLog();
  }
  MR_CHECK_OK(done);
  if (!copied.is_open()) {
    MR_TRY(copied, File::OpenRead(file));
  }
  return copied.Size();
}

/// What the engine writes before its next checkpoint goes to free blocks, or after the
/// end: a crash must find the last one whole, and so does a copy.
Status Database::CopyTo(const std::filesystem::path& to, const CopyProgress& progress) {
  // A checkpoint waits for writers and keeps new ones out: not for as long as a merge.
  std::unique_lock no_merge(merging);
  const std::scoped_lock one(checkpoints);
  MR_TRY(const auto end, FoldLogToCopy());
  no_merge.unlock();
  return CopyUpTo(copied, to, end, progress);
}

std::uint64_t Database::WalBytes() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(wal(), error);
  return error ? 0 : size;
}

Result<Transaction> Transaction::Begin(Database& database, sql::Session& session) {
  database.gate.EnterWriter();
  auto begun = database.CheckSound();
  if (begun) begun = session.Run("BEGIN");
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
  database_->Judge(done);
  if (!done) return done;
  session_ = nullptr;
  database_->gate.LeaveWriter();
  return {};
}

}  // namespace millrace::warehouse
