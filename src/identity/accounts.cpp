#include "identity/accounts.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "account_input.hpp"
#include "account_json.hpp"
#include "base/json_member.hpp"
#include "base/uuid.hpp"
#include "identity/authenticator.hpp"
#include "identity/password.hpp"
#include "user_records.hpp"
#include "work_pools.hpp"

namespace millrace::identity {
namespace {

constexpr auto kScheme = PasswordScheme::kArgon2id;

std::unexpected<Error> WrongLogin() {
  return Fail(ErrorCode::kUnauthenticated, "e-mail or password is wrong");
}

std::unexpected<Error> NeedsUser() {
  return Fail(ErrorCode::kPermissionDenied, "an API key has no account of its own");
}

}  // namespace

class Accounts::Impl {
 public:
  Impl(AccountParts parts, AccountOptions options)
      : parts_(parts),
        records_(parts.records, std::move(options.collection), *options.clock),
        pools_(options.hash_threads, options.hash_queue) {}

  Status Open() {
    // What a login of nobody is compared with, so that it takes as long.
    MR_TRY(nobody_.password_hash, HashPassword("", kScheme));
    MR_TRY(const auto removed, parts_.credentials.Sweep([this](const std::string& id) {
      return HasUser(parts_.records, id);
    }));
    for (const auto& user : removed) MR_CHECK_OK(parts_.sessions.EndAll(user));
    if (!removed.empty())
      parts_.log.Info("removed credentials without a user", {{"count", removed.size()}});
    return {};
  }

  void SignUp(std::string_view body, Client client, Done done) {
    auto input = ReadSignUp(body);
    if (!input) return done(Fail(input.error()));
    // Looked for first, so that a repeated sign-up costs no hash; the store decides.
    pools_.Read(std::move(done), [this, input = std::move(*input),
                                  client = std::move(client)](Done& kept) mutable {
      const auto known = records_.ByEmail(input.email);
      if (!known) return kept(Fail(known.error()));
      if (*known) return kept(Taken());
      pools_.Hash(std::move(kept), [this, input = std::move(input),
                                    client = std::move(client)](Done& next) mutable {
        Create(std::move(input), std::move(client), std::move(next));
      });
    });
  }

  void LogIn(std::string_view body, Client client, Done done) {
    auto input = ReadLogin(body);
    if (!input) return done(Fail(input.error()));
    FindLogin(std::move(*input), std::move(client), std::move(done));
  }

  void Refresh(std::string_view body, Client client, Done done) {
    auto input = AccountInput::Read(body);
    if (!input) return done(Fail(input.error()));
    auto token = input->Text("refresh_token");
    if (const auto fine = input->Finish(false); !fine) return done(Fail(fine.error()));
    pools_.Read(std::move(done),
                [this, token = std::move(token), client = std::move(client)](Done& kept) {
                  kept(RefreshNow(token, client));
                });
  }

  void ChangePassword(const query::Principal& who, std::string_view body, Done done) {
    if (who.user_id.empty()) return done(NeedsUser());
    auto input = AccountInput::Read(body);
    if (!input) return done(Fail(input.error()));
    auto old = input->Text("password");
    auto wanted = input->NewPassword("new_password");
    if (const auto fine = input->Finish(false); !fine) return done(Fail(fine.error()));
    pools_.Hash(std::move(done),
                [this, old = std::move(old), wanted = std::move(wanted), id = who.user_id,
                 session = who.session_id](Done& kept) {
                  kept(ChangeNow(id, session, old, wanted));
                });
  }

  void Me(const query::Principal& who, Done done) {
    if (who.user_id.empty()) return done(KeyObject(who));
    pools_.Read(std::move(done), [this, who](Done& kept) { kept(MeNow(who)); });
  }

  void ListSessions(const query::Principal& who, Done done) {
    if (who.user_id.empty()) return done(NeedsUser());
    pools_.Read(std::move(done), [this, who](Done& kept) {
      const auto sessions = parts_.sessions.List(who.user_id);
      kept(sessions ? Result<std::string>(SessionList(*sessions, who.session_id))
                    : Fail(sessions.error()));
    });
  }

  void EndSession(const query::Principal& who, std::string session_id, Done done) {
    if (who.user_id.empty()) return done(NeedsUser());
    pools_.Read(std::move(done),
                [this, user = who.user_id, id = std::move(session_id)](Done& kept) {
                  const auto ended = parts_.sessions.End(id, user);
                  kept(ended ? Result<std::string>("{}") : Fail(ended.error()));
                });
  }

 private:
  struct SignUpInput {
    std::string email, password;
    NewUser user;
  };
  struct Login {
    std::string email, password;
  };
  struct Found {
    std::string document;  ///< empty: nobody
    Credential credential;
  };

  static std::unexpected<Error> Taken() {
    return Fail(Error(ErrorCode::kConflict, "the e-mail address is taken",
                      {{"/email", "is taken"}}));
  }

  Result<SignUpInput> ReadSignUp(std::string_view body) {
    MR_TRY(auto input, AccountInput::Read(body));
    SignUpInput read;
    read.email = input.Email("email");
    read.password = input.NewPassword("password");
    if (input.TextIfThere("id")) input.Refuse("id", "is made here: leave it out");
    MR_CHECK_OK(input.Finish(true));
    MR_TRY(read.user, records_.New(read.email, input.Rest()));
    return read;
  }

  static Result<Login> ReadLogin(std::string_view body) {
    MR_TRY(auto input, AccountInput::Read(body));
    Login login{input.Email("email"), input.Text("password")};
    MR_CHECK_OK(input.Finish(false));
    return login;
  }

  void Create(SignUpInput input, Client client, Done done) {
    auto hash = HashPassword(input.password, kScheme);
    if (!hash) return done(Fail(hash.error()));
    pools_.Read(std::move(done),
                [this, user = std::move(input.user), hash = std::move(*hash),
                 client = std::move(client)](Done& kept) mutable {
                  kept(CreateNow(std::move(user), hash, client));
                });
  }

  Result<std::string> CreateNow(NewUser user, const std::string& hash,
                                const Client& client) {
    // The credential first: a user that can be seen can log in. Without its user, after a
    // crash or when another sign-up was quicker, it is harmless until the next sweep.
    MR_CHECK_OK(parts_.credentials.Put(user.id, hash));
    const auto document = records_.InsertAndWait(std::move(user.body));
    if (document) return Begin(*document, hash, client);
    const auto& error = document.error();
    const bool taken = std::ranges::any_of(error.fields(), [](const FieldError& field) {
      return field.pointer == "/email";
    });
    if (error.code() == ErrorCode::kConflict && taken) return Taken();
    return Fail(error);
  }

  void FindLogin(Login login, Client client, Done done) {
    pools_.Read(std::move(done), [this, login = std::move(login),
                                  client = std::move(client)](Done& kept) mutable {
      auto found = Find(login.email);
      if (!found) return kept(Fail(found.error()));
      pools_.Hash(
          std::move(kept), [this, login = std::move(login), client = std::move(client),
                            found = std::move(*found)](Done& next) mutable {
            CheckLogin(std::move(login), std::move(found), std::move(client), next);
          });
    });
  }

  Result<Found> Find(const std::string& email) {
    MR_TRY(auto document, records_.ByEmail(email));
    if (!document) return Found{"", nobody_};
    auto credential = parts_.credentials.Get(TextOfMember(*document, "id"));
    if (credential) return Found{std::move(*document), std::move(*credential)};
    if (credential.error().code() != ErrorCode::kNotFound)
      return Fail(credential.error());
    return Found{"", nobody_};
  }

  /// On a thread that hashes.
  void CheckLogin(Login login, Found found, Client client, Done& done) {
    const auto check =
        CheckPassword(login.password, found.credential.password_hash, kScheme);
    if (!check.right || found.document.empty()) return done(WrongLogin());
    std::string renewed;
    if (check.needs_upgrade) renewed = HashPassword(login.password, kScheme).value_or("");
    pools_.Read(std::move(done), [this, login = std::move(login),
                                  found = std::move(found), client = std::move(client),
                                  renewed = std::move(renewed)](Done& kept) mutable {
      const auto& old = found.credential.password_hash;
      auto grant = Begin(found.document, Renew(found.document, old, renewed), client);
      if (grant || grant.error().code() != ErrorCode::kConflict)
        return kept(std::move(grant));
      // The password is another by now, or its hash was renewed: looked at
      // anew, which ends with the last change.
      FindLogin(std::move(login), std::move(client), std::move(kept));
    });
  }

  /// Gives the hash that is kept now, if it was `old` so far. The login is right, whether
  /// this succeeds or not.
  std::string Renew(std::string_view document, const std::string& old,
                    const std::string& hash) {
    if (hash.empty()) return old;
    const auto put = parts_.credentials.Renew(TextOfMember(document, "id"), old, hash);
    if (!put) parts_.log.Warn("cannot renew a password's hash", {{"error", put.error()}});
    return put.value_or(false) ? hash : old;
  }

  Result<std::string> Begin(const std::string& document, const std::string& hash,
                            const Client& client) {
    MR_TRY(const auto grant,
           parts_.sessions.Begin(TextOfMember(document, "id"), hash, client));
    return GrantOf(document, grant);
  }

  Result<std::string> RefreshNow(const std::string& token, const Client& client) {
    // The user first: a token that was spent without an answer would look stolen when it
    // comes again.
    MR_TRY(const auto document, UserBehind(token));
    MR_TRY(const auto grant, parts_.sessions.Refresh(token, client));
    return GrantOf(document, grant);
  }

  /// Empty where a refresh is refused: the token is not good, or its user is gone, which
  /// ends the session.
  Result<std::string> UserBehind(const std::string& refresh_token) {
    const auto session = parts_.sessions.Find(refresh_token);
    if (!session) {
      if (session.error().code() == ErrorCode::kNotFound) return "";
      return Fail(session.error());
    }
    auto document = records_.Get(session->user_id);
    if (document || document.error().code() != ErrorCode::kNotFound) return document;
    const auto ended = parts_.sessions.End(session->id);
    if (ended || ended.error().code() == ErrorCode::kNotFound) return "";
    return Fail(ended.error());
  }

  std::string GrantOf(const std::string& document, const Sessions::Grant& grant) {
    const auto& credential = grant.credential;
    std::string out = "{";
    AppendMember(
        out, "access_token",
        parts_.tokens.Issue({grant.user_id, grant.session_id, credential.role,
                             credential.tenant, TextOfMember(document, "email")}));
    AppendMember(out, "token_type", "Bearer");
    AppendMember(out, "expires_in",
                 static_cast<std::uint64_t>(parts_.tokens.options().lifetime_s));
    AppendMember(out, "refresh_token", grant.refresh_token);
    AppendMemberName(out, "user");
    out += UserObject(document, credential);
    return out += '}';
  }

  Result<std::string> ChangeNow(const std::string& id, const std::string& session,
                                const std::string& old, const std::string& wanted) {
    for (bool changed = false; !changed;) {
      // Anew where an operator or a login set another hash meanwhile.
      const auto known = parts_.credentials.Get(id);
      if (!known || !CheckPassword(old, known->password_hash, kScheme).right)
        return Fail(ErrorCode::kUnauthenticated, "the password is wrong");
      MR_TRY(const auto hash, HashPassword(wanted, kScheme));
      MR_TRY(changed, parts_.credentials.Renew(id, known->password_hash, hash));
    }
    MR_CHECK_OK(parts_.sessions.EndAll(id, session));
    return "{}";
  }

  Result<std::string> MeNow(const query::Principal& who) {
    const auto document = records_.Get(who.user_id);
    if (!document && document.error().code() == ErrorCode::kNotFound)
      return Fail(InvalidToken());
    MR_CHECK_OK(document);
    return UserObject(*document, {"", who.role, who.tenant});
  }

  const AccountParts parts_;
  UserRecords records_;
  Credential nobody_;
  WorkPools pools_;
};

Accounts::Accounts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Accounts::~Accounts() = default;

Result<std::unique_ptr<Accounts>> Accounts::Open(AccountParts parts,
                                                 AccountOptions options) {
  auto impl = std::make_unique<Impl>(parts, std::move(options));
  MR_CHECK_OK(impl->Open());
  return std::unique_ptr<Accounts>(new Accounts(std::move(impl)));
}

void Accounts::SignUp(std::string_view body, Client client, Done done) {
  impl_->SignUp(body, std::move(client), std::move(done));
}
void Accounts::LogIn(std::string_view body, Client client, Done done) {
  impl_->LogIn(body, std::move(client), std::move(done));
}
std::string Accounts::EmailOf(std::string_view body) {
  auto input = AccountInput::Read(body);
  if (!input) return "";
  auto email = input->Email("email");
  return input->Finish(true) ? email : "";
}
void Accounts::Refresh(std::string_view body, Client client, Done done) {
  impl_->Refresh(body, std::move(client), std::move(done));
}
void Accounts::ChangePassword(const query::Principal& who, std::string_view body,
                              Done done) {
  impl_->ChangePassword(who, body, std::move(done));
}
void Accounts::Me(const query::Principal& who, Done done) {
  impl_->Me(who, std::move(done));
}
void Accounts::ListSessions(const query::Principal& who, Done done) {
  impl_->ListSessions(who, std::move(done));
}
void Accounts::EndSession(const query::Principal& who, std::string session_id,
                          Done done) {
  impl_->EndSession(who, std::move(session_id), std::move(done));
}

}  // namespace millrace::identity
