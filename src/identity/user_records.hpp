#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "identity/done.hpp"
#include "records/record_store.hpp"
#include "schema/record_codec.hpp"

namespace millrace::identity {

/// A record to be.
struct NewUser {
  std::string id, body;
};

/// The collection `users` of a record store: key `id`, unique `email`. Any thread.
class UserRecords {
 public:
  /// Store and clock outlive it.
  UserRecords(records::RecordStore& store, schema::Collection collection,
              const Clock& clock = SystemClock());

  const schema::RecordCodec& codec() const { return codec_; }
  /// The document of a user; kNotFound.
  Result<std::string> Get(const std::string& id);
  /// Nullopt: nobody has it.
  Result<std::optional<std::string>> ByEmail(const std::string& email);
  /// One with an id of its own, an e-mail address and `others`: members without braces.
  /// kInvalidArgument, with its fields: it can be no record, whatever the store has.
  Result<NewUser> New(std::string_view email, std::string_view others);
  /// Queues a new user, whose body is JSON with id and e-mail. `done` gets the document,
  /// on the store's thread; kConflict: one with such an e-mail, or another unique field,
  /// is there; errors of New.
  void Insert(std::string body, Done done);
  Result<std::string> InsertAndWait(std::string body);
  /// Waits until it is gone. kNotFound.
  Status Remove(const std::string& id);

 private:
  records::RecordStore& store_;
  const schema::RecordCodec codec_;
  std::mutex mutex_;
  IdMaker ids_;
};

/// Text of a member of a user's document.
std::string TextOfMember(std::string_view document, std::string_view name);

}  // namespace millrace::identity
