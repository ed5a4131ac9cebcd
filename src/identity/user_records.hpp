#pragma once

#include <optional>
#include <string>

#include "identity/done.hpp"
#include "records/record_store.hpp"
#include "schema/record_codec.hpp"

namespace millrace::identity {

/// The collection `users` of a record store: key `id`, unique `email`. Any thread.
class UserRecords {
 public:
  /// The store outlives it.
  UserRecords(records::RecordStore& store, schema::Collection collection);

  const schema::RecordCodec& codec() const { return codec_; }
  /// The document of a user; kNotFound.
  Result<std::string> Get(const std::string& id);
  Result<bool> Exists(const std::string& id);
  /// Nullopt: nobody has it.
  Result<std::optional<std::string>> ByEmail(const std::string& email);
  /// Whether `body` can be a new user's record, but for what the store has already:
  /// kInvalidArgument with its fields.
  Status Check(std::string body) const;
  /// Queues a new user, whose body is JSON with id and e-mail. `done` gets the document,
  /// on the store's thread; kConflict: one with such an e-mail, or another unique field,
  /// is there; errors of Check.
  void Insert(std::string body, Done done);
  Result<std::string> InsertAndWait(std::string body);
  /// Waits until it is gone. kNotFound.
  Status Remove(const std::string& id);

 private:
  records::RecordStore& store_;
  const schema::RecordCodec codec_;
};

/// Text of a member of a user's document.
std::string TextOfMember(std::string_view document, std::string_view name);

}  // namespace millrace::identity
