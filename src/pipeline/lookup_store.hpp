#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::pipeline {

/// A lookup's state on disk: for each key its versions, each with the document or none
/// (the record left this key), and the next offset of the stream it was built from. What
/// a transaction writes and its position commit together; a power cut may take the last
/// transactions, never parts of one. One thread. docs/formats/lookup-state.md.
class LookupStore {
 public:
  /// `definition` says what keys are made of; a file with another one is emptied.
  static Result<LookupStore> Open(const std::filesystem::path& path,
                                  std::string_view definition);

  Offset next() const { return next_; }
  /// Versions below this one may be missing, but for the newest of each key.
  const Version& collected() const { return collected_; }
  /// No version of any key, as far as is known without reading.
  bool empty() const { return rows_ == 0; }

  /// Forgets everything and goes on at `first`.
  Status Clear(Offset first);

  Status Begin();
  /// `document` empty: the key has no record from `version` on.
  Status Put(std::string_view key, const Version& version, std::string_view document);
  /// Removes versions of `key` below the newest that is at most `low`.
  Status Collect(std::string_view key, const Version& low);
  /// The same for all keys.
  Status CollectAll(const Version& low);
  /// Whether there is a version of `key` below this one.
  Result<bool> HasBelow(std::string_view key, const Version& version);
  /// Ends the transaction, with the position that it reaches.
  Status Commit(Offset next, const Version& collected);
  void Rollback();
  /// After this everything committed survives a power cut.
  Status MakeDurable() { return db_.Checkpoint(); }

  /// Calls `each` with the versions of `key`, oldest first.
  Status Load(std::string_view key,
              const std::function<void(const Version&, std::string_view)>& each);

 private:
  Status Prepare();
  Status ReadState(std::string_view definition);

  Sqlite db_;
  SqliteStatement put_, load_, collect_, below_, state_;
  Offset next_ = 0;
  Version collected_;
  std::uint64_t rows_ = 0;
};

}  // namespace millrace::pipeline
