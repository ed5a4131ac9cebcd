#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::identity {

/// <data>/identity.db: what is secret of users, and what decides about their rights
/// (docs/formats/identity-db.md), apart from their records, so that no hash can get into
/// an event or a lake and no write of a record can give anybody more rights. Any thread;
/// callers take turns.
class IdentityDb {
 public:
  /// Creates or opens <directory>/identity.db, mode 0600; a file of an older format
  /// becomes one of this. kConflict: a newer format; kDataLoss: damaged.
  static Result<std::unique_ptr<IdentityDb>> Open(const std::filesystem::path& directory);

  /// What `work(Sqlite&)` gives (a Result or Status), with nobody else at the database.
  template <typename Work>
  auto Read(Work&& work) {
    const std::scoped_lock lock(mutex_);
    return std::forward<Work>(work)(db_);
  }

  /// The same in a transaction, which is durable when this returns success and left
  /// nothing when it returns an error.
  template <typename Work>
  auto Write(Work&& work) -> decltype(work(std::declval<Sqlite&>())) {
    const std::scoped_lock lock(mutex_);
    SqliteTransaction transaction(db_);
    MR_CHECK_OK(transaction.Begin());
    auto result = std::forward<Work>(work)(db_);
    if (result) MR_CHECK_OK(transaction.Commit());
    return result;
  }

 private:
  explicit IdentityDb(Sqlite db) : db_(std::move(db)) {}

  std::mutex mutex_;
  Sqlite db_;
};

}  // namespace millrace::identity
