#include "identity/sessions.hpp"

#include <optional>
#include <utility>

#include "ed25519.hpp"
#include "identity/token.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr TimestampUs kRace = 10 * kMicros;
constexpr TimestampUs kSweepEvery = 3600 * kMicros;
constexpr TimestampUs kSlack = 60 * kMicros;
constexpr std::size_t kAgentBytes = 200;
constexpr std::string_view kPrefix = "mrr_";
constexpr std::size_t kPrune = 4096;
constexpr std::int64_t kSpentKept = 1'000;
/// So that a spent token is known for hours, however often its thief refreshes.
constexpr std::int64_t kRefreshesAnHour = 100;
constexpr TimestampUs kHour = 3'600 * kMicros;

std::unexpected<Error> Invalid() {
  return Fail(ErrorCode::kUnauthenticated, "the refresh token is not valid");
}

/// Locked out since the login was looked at?
Status CheckLogin(const std::optional<Credential>& credential, std::string_view hash) {
  if (!credential || credential->password_hash != hash)
    return Fail(ErrorCode::kConflict, "the password was changed meanwhile");
  if (credential->disabled)
    return Fail(ErrorCode::kPermissionDenied, "this account is disabled");
  return {};
}

/// What tells one client from another.
std::string MarkOf(const Client& client) {
  return Sha256Text(client.address + '\n' + client.agent);
}

struct RefreshRow {
  std::string session_id, user_id, spent_by;
  TimestampUs spent_at = 0, ended_at = 0, expires_at = 0;
};

Result<std::optional<RefreshRow>> FindRow(Sqlite& db, const std::string& hash) {
  MR_TRY(auto select,
         db.Prepare("SELECT t.session_id, s.user_id, t.spent_by, t.spent_at, s.ended_at, "
                    "s.expires_at FROM refresh_tokens t JOIN sessions s ON s.id = "
                    "t.session_id WHERE t.hash = ?"));
  select.Bind(1, hash);
  MR_TRY(const bool found, select.Step());
  if (!found) return std::nullopt;
  return RefreshRow{std::string(select.Text(0)),
                    std::string(select.Text(1)),
                    std::string(select.Text(2)),
                    select.Int(3),
                    select.Int(4),
                    select.Int(5)};
}

/// Gives the token.
Result<std::string> AddToken(Sqlite& db, const std::string& session_id) {
  MR_TRY(const auto secret, NewSecret());
  auto token = std::string(kPrefix) + secret;
  const auto hash = Sha256Text(token);
  MR_TRY(auto insert, db.Prepare("INSERT INTO refresh_tokens VALUES (?, ?, 0, '')"));
  insert.Bind(1, hash).Bind(2, session_id);
  MR_CHECK_OK(insert.Finish());
  return token;
}

/// All but the newest spent tokens of a session.
Status ForgetSpent(Sqlite& db, const std::string& session_id) {
  MR_TRY(auto forget,
         db.Prepare("DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM "
                    "refresh_tokens WHERE session_id = ? AND spent_at > 0 ORDER BY "
                    "spent_at DESC LIMIT -1 OFFSET ?)"));
  forget.Bind(1, session_id).Bind(2, kSpentKept);
  return forget.Finish();
}

/// kUnavailable: too many since an hour ago.
Status CheckPace(Sqlite& db, const std::string& session_id, TimestampUs now) {
  MR_TRY(auto select,
         db.Prepare("SELECT spent_at FROM refresh_tokens WHERE session_id = ? AND "
                    "spent_at > 0 ORDER BY spent_at DESC LIMIT 1 OFFSET ?"));
  select.Bind(1, session_id).Bind(2, kRefreshesAnHour - 1);
  MR_TRY(const bool found, select.Step());
  if (!found || select.Int(0) <= now - kHour) return {};
  return Fail(ErrorCode::kUnavailable,
              "this session was refreshed " + std::to_string(kRefreshesAnHour) +
                  " times within an hour: use each access token until it expires");
}

constexpr std::string_view kColumns =
    "SELECT id, user_id, address, agent, created_at, used_at, expires_at FROM sessions ";

Sessions::Session ReadSession(SqliteStatement& row) {
  return {std::string(row.Text(0)),
          std::string(row.Text(1)),
          std::string(row.Text(2)),
          std::string(row.Text(3)),
          row.Int(4),
          row.Int(5),
          row.Int(6)};
}

}  // namespace

Sessions::Sessions(IdentityDb& db, const Clock& clock, SessionOptions options)
    : db_(db), clock_(clock), options_(std::move(options)), ids_(clock, 0) {}

Result<std::unique_ptr<Sessions>> Sessions::Open(IdentityDb& db, const Clock& clock,
                                                 SessionOptions options) {
  std::unique_ptr<Sessions> sessions(new Sessions(db, clock, std::move(options)));
  MR_CHECK_OK(sessions->LoadEnded());
  MR_CHECK_OK(sessions->Sweep());
  return sessions;
}

Status Sessions::LoadEnded() {
  const auto oldest = clock_.Now() - options_.token_lifetime_s * kMicros - kSlack;
  return db_.Read([&](Sqlite& db) -> Status {
    MR_TRY(auto select,
           db.Prepare("SELECT id, ended_at FROM sessions WHERE ended_at > ?"));
    select.Bind(1, oldest);
    for (;;) {
      MR_TRY(const bool more, select.Step());
      if (!more) return {};
      ended_.emplace(select.Text(0), select.Int(1));
    }
  });
}

std::string Sessions::NewId() {
  const std::scoped_lock lock(mutex_);
  std::string id;
  AppendUuid(id, ids_.UuidV7());
  return id;
}

Status Sessions::Sweep() {
  const auto now = clock_.Now();
  {
    const std::scoped_lock lock(mutex_);
    if (now < swept_at_ + kSweepEvery) return {};
    swept_at_ = now;
  }
  const auto ended = now - options_.token_lifetime_s * kMicros - kSlack;
  return db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto sessions, db.Prepare("DELETE FROM sessions WHERE expires_at < ? OR "
                                     "(ended_at > 0 AND ended_at < ?)"));
    sessions.Bind(1, ended).Bind(2, ended);
    MR_CHECK_OK(sessions.Finish());
    return db.Run(
        "DELETE FROM refresh_tokens WHERE session_id NOT IN (SELECT id FROM sessions)");
  });
}

Result<Sessions::Grant> Sessions::Begin(const std::string& user_id,
                                        std::string_view password_hash,
                                        const Client& client) {
  MR_CHECK_OK(Sweep());
  Grant grant{NewId(), user_id, {}};
  const auto now = clock_.Now();
  const auto agent = client.agent.substr(0, kAgentBytes);
  MR_CHECK_OK(db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(auto credential, Credentials::Find(db, user_id));
    MR_CHECK_OK(CheckLogin(credential, password_hash));
    grant.credential = std::move(*credential);
    MR_TRY(auto insert,
           db.Prepare("INSERT INTO sessions VALUES (?1, ?2, ?3, ?3, ?4, 0, ?5, ?6)"));
    insert.Bind(1, grant.session_id).Bind(2, user_id).Bind(3, now);
    insert.Bind(4, now + options_.lifetime_s * kMicros);
    insert.Bind(5, client.address).Bind(6, agent);
    MR_CHECK_OK(insert.Finish());
    MR_TRY(grant.refresh_token, AddToken(db, grant.session_id));
    return {};
  }));
  return grant;
}

Result<Sessions::Grant> Sessions::Refresh(std::string_view refresh_token,
                                          const Client& client) {
  const auto hash = Sha256Text(refresh_token);
  const auto mark = MarkOf(client);
  const auto now = clock_.Now();
  Grant grant;
  bool stolen = false;
  bool gone = false;
  const auto done = db_.Write([&](Sqlite& db) -> Status {
    MR_TRY(const auto row, FindRow(db, hash));
    if (!row || row->ended_at > 0 || row->expires_at <= now) return Invalid();
    if (row->spent_at > 0) {
      stolen = now > row->spent_at + kRace || mark != row->spent_by;
      grant.session_id = row->session_id;
      grant.user_id = row->user_id;
      return Invalid();
    }
    MR_TRY(auto credential, Credentials::Find(db, row->user_id));
    gone = !credential || credential->disabled;
    if (gone) {
      grant.session_id = row->session_id;
      return Invalid();
    }
    MR_CHECK_OK(CheckPace(db, row->session_id, now));
    MR_TRY(auto spend, db.Prepare("UPDATE refresh_tokens SET spent_at = ?, spent_by = ? "
                                  "WHERE hash = ?"));
    spend.Bind(1, now).Bind(2, mark).Bind(3, hash);
    MR_CHECK_OK(spend.Finish());
    MR_TRY(auto use, db.Prepare("UPDATE sessions SET used_at = ?, expires_at = ?, "
                                "address = ? WHERE id = ?"));
    use.Bind(1, now).Bind(2, now + options_.lifetime_s * kMicros);
    use.Bind(3, client.address).Bind(4, row->session_id);
    MR_CHECK_OK(use.Finish());
    MR_CHECK_OK(ForgetSpent(db, row->session_id));
    MR_TRY(auto token, AddToken(db, row->session_id));
    grant = {row->session_id, row->user_id, std::move(token), std::move(*credential)};
    return {};
  });
  if (stolen || gone) {
    const auto ended = End(grant.session_id);
    if (!ended && ended.error().code() != ErrorCode::kNotFound)
      return Fail(ended.error());
    if (stolen && options_.on_reuse)
      options_.on_reuse(grant.session_id, grant.user_id, client);
  }
  if (!done) return Fail(done.error());
  return grant;
}

Result<std::vector<std::string>> Sessions::EndWhere(std::string_view where,
                                                    const std::string& argument,
                                                    const std::string& second) {
  const auto now = clock_.Now();
  MR_TRY(auto ids, db_.Write([&](Sqlite& db) -> Result<std::vector<std::string>> {
    MR_TRY(auto update,
           db.Prepare("UPDATE sessions SET ended_at = ?3 WHERE ended_at = 0 AND " +
                      std::string(where) + " RETURNING id"));
    update.Bind(1, argument).Bind(2, second).Bind(3, now);
    std::vector<std::string> ended;
    for (;;) {
      MR_TRY(const bool more, update.Step());
      if (!more) return ended;
      ended.emplace_back(update.Text(0));
    }
  }));
  MarkEnded(ids);
  return ids;
}

void Sessions::MarkEnded(const std::vector<std::string>& ids) {
  const auto now = clock_.Now();
  const auto oldest = now - options_.token_lifetime_s * kMicros - kSlack;
  const std::scoped_lock lock(mutex_);
  if (ended_.size() > kPrune)
    std::erase_if(ended_, [&](const auto& one) { return one.second < oldest; });
  for (const auto& id : ids) ended_.insert_or_assign(id, now);
}

Status Sessions::End(const std::string& session_id, const std::string& user_id) {
  MR_TRY(const auto ended,
         EndWhere("id = ?1 AND (?2 = '' OR user_id = ?2)", session_id, user_id));
  if (ended.empty()) return Fail(ErrorCode::kNotFound, "no such session");
  return {};
}

Result<std::size_t> Sessions::EndAll(const std::string& user_id,
                                     const std::string& except) {
  MR_TRY(const auto ended, EndWhere("user_id = ?1 AND id <> ?2", user_id, except));
  return ended.size();
}

bool Sessions::Ended(const std::string& session_id) const {
  const std::scoped_lock lock(mutex_);
  return !ended_.empty() && ended_.contains(session_id);
}

Result<std::vector<Sessions::Session>> Sessions::List(const std::string& user_id) const {
  const auto now = clock_.Now();
  return db_.Read([&](Sqlite& db) -> Result<std::vector<Session>> {
    MR_TRY(auto select, db.Prepare(std::string(kColumns) +
                                   "WHERE ended_at = 0 AND expires_at > ?1 AND (?2 = '' "
                                   "OR user_id = ?2) ORDER BY id DESC"));
    select.Bind(1, now).Bind(2, user_id);
    std::vector<Session> sessions;
    for (;;) {
      MR_TRY(const bool more, select.Step());
      if (!more) return sessions;
      sessions.push_back(ReadSession(select));
    }
  });
}

Result<Sessions::Session> Sessions::Find(std::string_view refresh_token) const {
  const auto hash = Sha256Text(refresh_token);
  const auto now = clock_.Now();
  return db_.Read([&](Sqlite& db) -> Result<Session> {
    MR_TRY(
        auto select,
        db.Prepare(std::string(kColumns) +
                   "WHERE ended_at = 0 AND expires_at > ?1 AND id = (SELECT "
                   "session_id FROM refresh_tokens WHERE hash = ?2 AND spent_at = 0)"));
    select.Bind(1, now).Bind(2, hash);
    MR_TRY(const bool found, select.Step());
    if (!found) return Fail(ErrorCode::kNotFound, "no such session");
    return ReadSession(select);
  });
}

}  // namespace millrace::identity
