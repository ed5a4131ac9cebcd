#include "identity/users.hpp"

#include <mutex>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "base/uuid.hpp"
#include "identity/token.hpp"
#include "query/query.hpp"
#include "runtime/blocking_pool.hpp"
#include "schema/record_codec.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kUsers = "users";
constexpr std::size_t kReadThreads = 2;
constexpr std::size_t kReadQueue = 1024;
constexpr std::chrono::milliseconds kReadDeadline{4'000};
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

std::string Member(std::string_view document, std::string_view name) {
  return schema::TextOf(schema::FindMember(document, name));
}

std::string UserObject(std::string_view document) {
  std::string out = "{";
  AppendMember(out, "id", Member(document, "id"));
  AppendMember(out, "email", Member(document, "email"));
  if (schema::FindMember(document, "name") != "null")
    AppendMember(out, "name", Member(document, "name"));
  AppendMember(out, "createdAt", WithMilliseconds(Member(document, "createdAt")));
  AppendMember(out, "updatedAt", WithMilliseconds(Member(document, "updatedAt")));
  return out += '}';
}

std::unexpected<Error> Busy() {
  return Fail(ErrorCode::kUnavailable,
              "Too many requests are waiting; try again in a moment");
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
        codec_(options_.collection),
        ids_(*options_.clock, 0),
        hashes_(options_.hash_threads, options_.hash_queue) {}

  Status Sweep() {
    MR_TRY(const auto removed,
           credentials_.Sweep([this](const std::string& id) -> Result<bool> {
             const auto user = store_.Get("", std::string(kUsers), id);
             if (user) return true;
             if (user.error().code() == ErrorCode::kNotFound) return false;
             return Fail(user.error());
           }));
    if (removed > 0)
      log_.Info("removed credentials without a user", {{"count", removed}});
    return {};
  }

  void Register(SignUp input, Done done) {
    // Looked for first, so that a repeated sign-up costs no hash; the store decides.
    Read(std::move(done), [this, input = std::move(input)](Done& kept) mutable {
      const auto known = ByEmail(input.email);
      if (!known) return kept(Fail(known.error()));
      if (*known) return kept(Fail(ErrorCode::kConflict, "Email already exists"));
      HashThen(std::move(kept), [this, input = std::move(input)](Done& finish) mutable {
        CreateUser(std::move(input), std::move(finish));
      });
    });
  }

  void Login(LogIn input, Done done) {
    Read(std::move(done), [this, input = std::move(input)](Done& kept) mutable {
      const auto user = ByEmail(input.email);
      if (!user) return kept(Fail(user.error()));
      if (!*user) return kept(Fail(ErrorCode::kNotFound, "User not found"));
      HashThen(std::move(kept),
               [this, input = std::move(input), document = **user](Done& finish) mutable {
                 finish(CheckLogin(input, document));
               });
    });
  }

  void List(Done done) {
    Read(std::move(done), [this](Done& kept) {
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
    const auto user = store_.Get("", std::string(kUsers), id);
    if (user) return UserObject(user->document);
    if (user.error().code() == ErrorCode::kInternal) return Fail(user.error());
    return user.error().code() == ErrorCode::kUnavailable
               ? Result<std::string>(Fail(user.error()))
               : "null";
  }

 private:
  using Work = std::move_only_function<void(Done&)>;

  /// `work` on the pool with `done`; when that is full, the refusal.
  static void Submit(runtime::BlockingPool& pool, Done done, Work work) {
    const auto kept = std::make_shared<Done>(std::move(done));
    const bool taken =
        pool.Submit([kept, work = std::move(work)]() mutable { work(*kept); });
    if (!taken) (*kept)(Busy());
  }
  void Read(Done done, Work work) { Submit(reads_, std::move(done), std::move(work)); }
  void HashThen(Done done, Work work) {
    Submit(hashes_, std::move(done), std::move(work));
  }

  /// The user's document.
  Result<std::optional<std::string>> ByEmail(const std::string& email) {
    const auto& users = codec_.collection();
    query::Query query;
    std::string literal;
    AppendJsonString(literal, email);
    query.filters.push_back({*users.Find("email"), query::Op::kEq, false, {literal}});
    query.order.push_back({*users.Find("id"), false});
    query.limit = 1;
    MR_TRY(const auto page,
           store_.List("", users.name, query, Deadline::After(kReadDeadline)));
    if (page.documents.empty()) return std::nullopt;
    return page.documents.front();
  }

  void CreateUser(SignUp input, Done done) {
    auto hash = HashPassword(input.password, options_.scheme);
    if (!hash) return done(Fail(hash.error()));
    const auto id = NewId();
    auto draft = MakeDraft(id, input);
    if (!draft) return done(Fail(draft.error()));
    // The credential first: a user that can be seen can log in. Without its user, after a
    // crash or when another sign-up was quicker, it is harmless until the next sweep.
    if (const auto put = credentials_.Put(id, *hash); !put)
      return done(Fail(put.error()));
    Submit(std::move(*draft), std::move(done));
  }

  std::string NewId() {
    const std::scoped_lock lock(ids_mutex_);
    return ids_.ObjectId();
  }

  Result<schema::Draft> MakeDraft(const std::string& id, const SignUp& input) {
    std::string body = "{";
    AppendMember(body, "id", id);
    AppendMember(body, "email", input.email);
    if (input.name) AppendMember(body, "name", *input.name);
    body += '}';
    body.reserve(body.size() + schema::kJsonPadding);
    bool batch = false;
    MR_TRY(auto drafts, codec_.ParseCreates(body, 1, &batch));
    return std::move(drafts.front());
  }

  void Submit(schema::Draft draft, Done done) {
    auto outcome = std::make_shared<Result<std::string>>(
        Fail(ErrorCode::kInternal, "nothing was written"));
    records::WriteRequest write;
    write.collection = kUsers;
    write.ops.push_back({draft.key, std::move(draft), records::Operation::kInsert, {}});
    write.render = [outcome](const Result<std::vector<records::Written>>& written) {
      *outcome = written ? Result<std::string>(UserObject(written->front().document))
                         : Fail(written.error());
      return records::Answer{};
    };
    write.done = [outcome, kept = std::make_shared<Done>(std::move(done))](
                     const records::Answer&, bool) {
      if (!*outcome && outcome->error().code() == ErrorCode::kConflict)
        *outcome = Fail(ErrorCode::kConflict, "Email already exists");
      (*kept)(std::move(*outcome));
    };
    store_.Submit(std::move(write));
  }

  Result<std::string> CheckLogin(const LogIn& input, const std::string& document) {
    const auto id = Member(document, "id");
    const auto hash = credentials_.Get(id);
    if (!hash && hash.error().code() != ErrorCode::kNotFound) return Fail(hash.error());
    const auto check =
        hash ? CheckPassword(input.password, *hash, options_.scheme) : PasswordCheck{};
    if (!check.right) return Fail(ErrorCode::kUnauthenticated, "Invalid credentials");
    if (check.needs_upgrade) Upgrade(id, input.password);
    constexpr std::int64_t kMicros = 1'000'000;
    const auto now = options_.clock->Now() / kMicros;
    const TokenClaims claims{Member(document, "email"), id, now,
                             now + options_.token_lifetime.count()};
    std::string out = "{";
    AppendMember(out, "accessToken", SignToken(claims, options_.token_secret));
    AppendMemberName(out, "user");
    out += UserObject(document);
    return out += '}';
  }

  /// The login is right, whether this succeeds or not.
  void Upgrade(const std::string& id, std::string_view password) {
    const auto hash = HashPassword(password, options_.scheme);
    const auto put = hash ? credentials_.Put(id, *hash) : Status(Fail(hash.error()));
    if (!put) log_.Warn("cannot renew a password's hash", {{"error", put.error()}});
  }

  records::RecordStore& store_;
  Credentials& credentials_;
  const UsersOptions options_;
  telemetry::Logger& log_;
  const schema::RecordCodec codec_;
  std::mutex ids_mutex_;
  IdMaker ids_;
  // Destroyed in the opposite order: reads hand work to hashes.
  runtime::BlockingPool hashes_;
  runtime::BlockingPool reads_{kReadThreads, kReadQueue};
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
