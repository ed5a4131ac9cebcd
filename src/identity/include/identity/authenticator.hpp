#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/access_tokens.hpp"
#include "identity/api_keys.hpp"
#include "identity/sessions.hpp"
#include "query/principal.hpp"

namespace millrace::identity {

/// Who is behind an access token or an API key. A token that was found good is not
/// verified again for some seconds (its time and its session are asked each time), so
/// that a request costs one look into a table; the table is bounded, and nothing that is
/// not good gets in. Any thread; blocks for microseconds at most.
class Authenticator {
 public:
  /// Whether a user is still there. kNotFound is false.
  using UserExists = std::function<Result<bool>(const std::string& user_id)>;

  /// All outlive it.
  Authenticator(const AccessTokens& tokens, const Sessions& sessions, const ApiKeys& keys,
                UserExists exists, const Clock& clock);

  /// kUnauthenticated, with one message whatever is wrong; kUnavailable: cannot say.
  Result<query::Principal> Check(std::string_view credential);

 private:
  struct Seen {
    query::Principal who;
    TimestampUs again_at;  ///< microseconds: verified anew from then on
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view token) const;
  };
  using Table = std::unordered_map<std::string, Seen, Hash, std::equal_to<>>;

  Result<query::Principal> Verify(std::string_view token);
  const Seen* Find(std::string_view token);
  void Keep(std::string_view token, Seen seen, std::uint64_t generation);

  const AccessTokens& tokens_;
  const Sessions& sessions_;
  const ApiKeys& keys_;
  const UserExists exists_;
  const Clock& clock_;
  std::mutex mutex_;
  // Two halves: when the young one is full, it becomes the old one, which is forgotten.
  Table young_, old_;
  std::uint64_t generation_ = 0;  ///< of the tokens in them
};

/// The only words about a bad credential.
Error InvalidToken();

}  // namespace millrace::identity
