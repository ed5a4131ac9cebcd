#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "identity/credentials.hpp"
#include "identity/identity_db.hpp"

namespace millrace::identity {

/// From where a request came: shown in the list of sessions.
struct Client {
  std::string address;
  std::string agent;  ///< User-Agent; the first 200 bytes are kept
};

struct SessionOptions {
  std::int64_t lifetime_s = 30LL * 86'400;  ///< without a refresh
  std::int64_t token_lifetime_s = 600;      ///< of access tokens
  /// Told when a spent refresh token has ended a session.
  std::function<void(const std::string& session_id, const std::string& user_id,
                     const Client& client)>
      on_reuse = {};
};

/// Logins and their refresh tokens, which are random, kept as SHA-256 alone, and good for
/// one use each. A spent one that comes again was stolen, or its successor was: it ends
/// the session. The newest thousand spent ones of a session are known, and it is
/// refreshed a hundred times an hour at most, so each is known for ten hours at least;
/// one of before is refused like any text, and ends nothing. Only within 10 s, from the
/// same address and user agent, it is taken for a race of the client with itself:
/// refused, and the session goes on. Any thread; every change is durable when its call
/// returns.
class Sessions {
 public:
  /// `db` and `clock` outlive it.
  static Result<std::unique_ptr<Sessions>> Open(IdentityDb& db, const Clock& clock,
                                                SessionOptions options);

  struct Grant {
    std::string session_id, user_id, refresh_token;
    Credential credential = {};  ///< of the user, as it was when this was written
  };
  /// For whoever knew the password of `password_hash`. kConflict: the user has another by
  /// now, or none (look again); kPermissionDenied: the user is disabled.
  Result<Grant> Begin(const std::string& user_id, std::string_view password_hash,
                      const Client& client);
  /// kUnauthenticated: unknown, spent, of a session that is over, or of a user who is
  /// disabled or has no credential (which ends the session). kUnavailable: refreshed too
  /// often in the last hour; the token is as good as before.
  Result<Grant> Refresh(std::string_view refresh_token, const Client& client);

  /// Nothing of it is good any more, from now on. kNotFound: no such session of this user
  /// (`user_id` empty: of anybody) that is not over.
  Status End(const std::string& session_id, const std::string& user_id = {});
  /// All of a user but `except`; gives how many.
  Result<std::size_t> EndAll(const std::string& user_id, const std::string& except = {});
  /// Whether a session whose access tokens may still be about has ended. Never blocks on
  /// the disk.
  bool Ended(const std::string& session_id) const;

  struct Session {
    std::string id, user_id, address, agent;
    TimestampUs created_at = 0, used_at = 0, expires_at = 0;
  };
  /// Those that are not over, of a user or (empty) of everybody, the newest first.
  Result<std::vector<Session>> List(const std::string& user_id) const;
  /// The session of a refresh token that is good for one use; kNotFound.
  Result<Session> Find(std::string_view refresh_token) const;

 private:
  Sessions(IdentityDb& db, const Clock& clock, SessionOptions options);
  Status LoadEnded();
  void MarkEnded(const std::vector<std::string>& ids);
  std::string NewId();
  /// Ends what `where` (of `sessions`, with `argument` as ?1) selects; gives whom.
  Result<std::vector<std::string>> EndWhere(std::string_view where,
                                            const std::string& argument,
                                            const std::string& second);
  Status Sweep();

  IdentityDb& db_;
  const Clock& clock_;
  const SessionOptions options_;
  mutable std::mutex mutex_;
  IdMaker ids_;
  std::unordered_map<std::string, TimestampUs> ended_;
  TimestampUs swept_at_ = 0;
};

}  // namespace millrace::identity
