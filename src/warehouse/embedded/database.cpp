#include "database.hpp"

#include <utility>

namespace millrace::warehouse {

Status Database::Checkpoint() {
  gate.EnterAlone();
  auto done = engine->Checkpoint();
  gate.LeaveAlone();
  return done;
}

std::uint64_t Database::WalBytes() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(file.string() + ".wal", error);
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
