#include "identity/users.hpp"

#include <mutex>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "base/uuid.hpp"
#include "identity/accounts.hpp"
#include "identity/token.hpp"
#include "user_records.hpp"
#include "work_pools.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kUsers = "users";
/// Of "2026-01-31T10:00:00".
constexpr std::size_t kSecondsLength = 19;

/// A stored time with exactly three digits of fraction, as JavaScript writes them.
std::string WithMilliseconds(std::string_view time) {
  std::string out(time.substr(0, kSecondsLength));
  std::string fraction(time.substr(std::min(time.size(), kSecondsLength + 1)));
  if (!fraction.empty()) fraction.pop_back();  // Z
  fraction.resize(3, '0');
  return out + '.' + fraction + 'Z';
}

std::string UserObject(std::string_view document) {
  std::string out = "{";
  AppendMember(out, "id", TextOfMember(document, "id"));
  AppendMember(out, "email", TextOfMember(document, "email"));
  if (schema::FindMember(document, "name") != "null")
    AppendMember(out, "name", TextOfMember(document, "name"));
  AppendMember(out, "createdAt", WithMilliseconds(TextOfMember(document, "createdAt")));
  AppendMember(out, "updatedAt", WithMilliseconds(TextOfMember(document, "updatedAt")));
  return out += '}';
}

}  // namespace

class Users::Impl {
 public:
  Impl(records::RecordStore& store, Credentials& credentials, UsersOptions options,
       telemetry::Logger& log)
      : store_(store),
        credentials_(credentials),
        options_(std::move(options)),
        log_(log),
        records_(store, options_.collection),
        ids_(*options_.clock, 0),
        pools_(options_.hash_threads, options_.hash_queue) {}

  Status Sweep() {
    MR_TRY(const auto removed, credentials_.Sweep([this](const std::string& id) {
      return HasUser(store_, id);
    }));
    if (!removed.empty())
      log_.Info("removed credentials without a user", {{"count", removed.size()}});
    return {};
  }

  void Register(SignUp input, Done done) {
    // Looked for first, so that a repeated sign-up costs no hash; the store decides.
    pools_.Read(std::move(done), [this, input = std::move(input)](Done& kept) mutable {
      const auto known = records_.ByEmail(input.email);
      if (!known) return kept(Fail(known.error()));
      if (*known) return kept(Fail(ErrorCode::kConflict, "Email already exists"));
      pools_.Hash(std::move(kept),
                  [this, input = std::move(input)](Done& finish) mutable {
                    CreateUser(input, std::move(finish));
                  });
    });
  }

  void Login(LogIn input, Done done) {
    pools_.Read(std::move(done), [this, input = std::move(input)](Done& kept) mutable {
      const auto user = records_.ByEmail(input.email);
      if (!user) return kept(Fail(user.error()));
      if (!*user) return kept(Fail(ErrorCode::kNotFound, "User not found"));
      pools_.Hash(std::move(kept),
                  [this, input = std::move(input), document = **user](
                      Done& finish) mutable { finish(CheckLogin(input, document)); });
    });
  }

  void List(Done done) {
    pools_.Read(std::move(done), [this](Done& kept) {
      std::string all = "[";
      const auto scanned =
          store_.Scan(std::string(kUsers), [&all](const records::ScannedRecord& user) {
            if (all.size() > 1) all += ',';
            all += UserObject(user.document);
            return true;
          });
      all += ']';
      kept(scanned ? Result<std::string>(std::move(all)) : Fail(scanned.error()));
    });
  }

  Result<std::string> Find(const std::string& id) {
    const auto user = records_.Get(id);
    if (user) return UserObject(*user);
    if (user.error().code() == ErrorCode::kInternal) return Fail(user.error());
    return user.error().code() == ErrorCode::kUnavailable
               ? Result<std::string>(Fail(user.error()))
               : "null";
  }

 private:
  void CreateUser(const SignUp& input, Done done) {
    auto hash = HashPassword(input.password, options_.scheme);
    if (!hash) return done(Fail(hash.error()));
    const auto id = NewId();
    // The credential first: a user that can be seen can log in. Without its user, after a
    // crash or when another sign-up was quicker, it is harmless until the next sweep.
    if (const auto put = credentials_.Put(id, *hash); !put)
      return done(Fail(put.error()));
    records_.Insert(BodyOf(id, input),
                    [kept = std::move(done)](Result<std::string> document) mutable {
                      if (document) return kept(UserObject(*document));
                      if (document.error().code() == ErrorCode::kConflict)
                        return kept(Fail(ErrorCode::kConflict, "Email already exists"));
                      kept(std::move(document));
                    });
  }

  std::string NewId() {
    const std::scoped_lock lock(ids_mutex_);
    return ids_.ObjectId();
  }

  static std::string BodyOf(const std::string& id, const SignUp& input) {
    std::string body = "{";
    AppendMember(body, "id", id);
    AppendMember(body, "email", input.email);
    if (input.name) AppendMember(body, "name", *input.name);
    return body += '}';
  }

  Result<std::string> CheckLogin(const LogIn& input, const std::string& document) {
    const auto id = TextOfMember(document, "id");
    const auto known = credentials_.Get(id);
    if (!known && known.error().code() != ErrorCode::kNotFound)
      return Fail(known.error());
    const auto check =
        known ? CheckPassword(input.password, known->password_hash, options_.scheme)
              : PasswordCheck{};
    if (!check.right) return Fail(ErrorCode::kUnauthenticated, "Invalid credentials");
    if (check.needs_upgrade) Upgrade(id, known->password_hash, input.password);
    constexpr std::int64_t kMicros = 1'000'000;
    const auto now = options_.clock->Now() / kMicros;
    const TokenClaims claims{TextOfMember(document, "email"), id, now,
                             now + options_.token_lifetime.count()};
    std::string out = "{";
    AppendMember(out, "accessToken", SignToken(claims, options_.token_secret));
    AppendMemberName(out, "user");
    out += UserObject(document);
    return out += '}';
  }

  /// The login is right, whether this succeeds or not.
  void Upgrade(const std::string& id, const std::string& old, std::string_view password) {
    const auto hash = HashPassword(password, options_.scheme);
    const auto put =
        hash ? credentials_.Renew(id, old, *hash) : Result<bool>(Fail(hash.error()));
    if (!put) log_.Warn("cannot renew a password's hash", {{"error", put.error()}});
  }

  records::RecordStore& store_;
  Credentials& credentials_;
  const UsersOptions options_;
  telemetry::Logger& log_;
  UserRecords records_;
  std::mutex ids_mutex_;
  IdMaker ids_;
  WorkPools pools_;
};

Users::Users(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Users::~Users() = default;

Result<std::unique_ptr<Users>> Users::Open(records::RecordStore& store,
                                           Credentials& credentials, UsersOptions options,
                                           telemetry::Logger& log) {
  auto impl = std::make_unique<Impl>(store, credentials, std::move(options), log);
  MR_CHECK_OK(impl->Sweep());
  return std::unique_ptr<Users>(new Users(std::move(impl)));
}

void Users::Register(SignUp input, Done done) {
  impl_->Register(std::move(input), std::move(done));
}
void Users::Login(LogIn input, Done done) {
  impl_->Login(std::move(input), std::move(done));
}
void Users::List(Done done) { impl_->List(std::move(done)); }
Result<std::string> Users::Find(const std::string& id) { return impl_->Find(id); }

}  // namespace millrace::identity
