#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace millrace::query {

/// A claim that the access rules can read. A claim that is an array or an object is none.
using Claim = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;

/// Who asks: made from a checked token or key, carried beside the request, read by the
/// access rules. The default is nobody. Value type.
struct Principal {
  bool authenticated = false;  ///< false: all the rest is empty
  std::string user_id = {};  ///< key of the record in the users' collection; may be empty
  std::string role = {};     ///< may be empty
  std::string tenant = {};   ///< empty: none
  std::string key_id = {};   ///< the API key's id, where one was used in place of a token
  /// What else the token says, by name: `auth.claims.NAME` in a rule.
  std::map<std::string, Claim, std::less<>> claims = {};
  /// What an API key is confined to, such as `orders:read`; empty: all that the rules
  /// open to its role.
  std::vector<std::string> scopes = {};
  std::string session_id = {};  ///< of the login behind a token; empty for an API key
  std::int64_t expires_at = 0;  ///< when this ends, seconds since 1970; 0: never

  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace millrace::query
