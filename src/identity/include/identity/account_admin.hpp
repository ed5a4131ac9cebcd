#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "identity/accounts.hpp"
#include "identity/api_keys.hpp"
#include "identity/introspection.hpp"
#include "identity/signing_keys.hpp"

namespace millrace::identity {

/// What an operator does with users, keys and tokens. Actions by name, JSON in and out,
/// so that it is the same over a server's socket and on the files:
///
///   users/list        {} → {"items":[user…]}
///   users/add         {email, password | password_hash, role?, tenant?, own…} → user
///   users/set         {user, role?, tenant?, disabled?, password?} → user
///   users/remove      {user} → {"id"}
///   keys/create       {name, role?, tenant?, scopes?, expires_in?} → key and secret
///   keys/list         {} → {"items":[key…]}
///   keys/revoke       {id} → {}
///   tokens/rotate     {drop?} → {"keys":[…]}
///   tokens/revoke     {token} → {}; {user} → {"id"}
///   tokens/introspect {token} → as Introspect
///
/// `user` is an id or an e-mail address. A user is the user object with `disabled`.
/// Whatever changes rights or a password ends all sessions of the user. Any thread; all
/// may wait for a disk.
class AccountAdmin {
 public:
  /// All outlive it.
  AccountAdmin(AccountParts parts, TokenStores tokens, ApiKeys& keys,
               SigningKeys& signing, schema::Collection users);
  ~AccountAdmin();

  /// kInvalidArgument: the body, each bad member named in the message; kNotFound: no such
  /// user, key or action; kConflict: the e-mail is taken.
  Result<std::string> Run(std::string_view action, std::string_view body);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::identity
