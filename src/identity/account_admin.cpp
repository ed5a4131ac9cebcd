#include "identity/account_admin.hpp"

#include <optional>
#include <utility>

#include "account_input.hpp"
#include "account_json.hpp"
#include "base/bytes.hpp"
#include "base/json_member.hpp"
#include "base/uuid.hpp"
#include "identity/password.hpp"
#include "user_records.hpp"

namespace millrace::identity {
namespace {

constexpr auto kScheme = PasswordScheme::kArgon2id;
constexpr std::int64_t kMicrosOfMs = 1'000;

std::string UserOf(std::string_view document, const Credential& credential) {
  auto out = UserObject(document, credential);
  out.pop_back();
  AppendFlagMember(out, "disabled", credential.disabled);
  return out += '}';
}

std::string KeyOf(const ApiKey& key) {
  std::string out = "{";
  AppendMember(out, "id", key.id);
  AppendMember(out, "prefix", "mr_" + key.id + "_");
  AppendMember(out, "name", key.name);
  AppendMemberOrNull(out, "role", key.role);
  AppendMemberOrNull(out, "tenant", key.tenant);
  AppendMemberName(out, "scopes");
  out += TextList(key.scopes);
  AppendMemberName(out, "created_at");
  out += TimeLiteral(key.created_at);
  AppendMemberName(out, "expires_at");
  out += TimeLiteral(key.expires_at);
  AppendMemberName(out, "revoked_at");
  out += TimeLiteral(key.revoked_at);
  return out += '}';
}

/// "email: is taken; password: is required" in place of fields.
Error InOneLine(const Error& error) {
  std::string text;
  for (const auto& field : error.fields()) {
    if (!text.empty()) text += "; ";
    text += field.pointer.empty() ? "" : field.pointer.substr(1) + " ";
    text += field.message;
  }
  return text.empty() ? error : Error(error.code(), std::move(text));
}

bool IsKnownHash(std::string_view hash) {
  return hash.starts_with("$argon2id$") || hash.starts_with("$2a$") ||
         hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

}  // namespace

class AccountAdmin::Impl {
 public:
  Impl(AccountParts parts, TokenStores tokens, ApiKeys& keys, SigningKeys& signing,
       schema::Collection users)
      : parts_(parts),
        tokens_(std::move(tokens)),
        keys_(keys),
        signing_(signing),
        records_(parts.records, std::move(users)) {}

  Result<std::string> Run(std::string_view action, std::string_view body) {
    using Handle = Result<std::string> (Impl::*)(AccountInput&);
    static constexpr std::pair<std::string_view, Handle> kActions[] = {
        {"users/list", &Impl::ListUsers},      {"users/add", &Impl::AddUser},
        {"users/set", &Impl::SetUser},         {"users/remove", &Impl::RemoveUser},
        {"keys/create", &Impl::CreateKey},     {"keys/list", &Impl::ListKeys},
        {"keys/revoke", &Impl::RevokeKey},     {"tokens/rotate", &Impl::Rotate},
        {"tokens/revoke", &Impl::RevokeToken}, {"tokens/introspect", &Impl::ShowToken}};
    for (const auto& [name, handle] : kActions) {
      if (name != action) continue;
      auto input = AccountInput::Read(body);
      auto answer = input ? (this->*handle)(*input) : Fail(input.error());
      if (!answer) return Fail(InOneLine(answer.error()));
      return answer;
    }
    return Fail(ErrorCode::kNotFound, "no action " + Excerpt(action));
  }

 private:
  struct Known {
    std::string id, document;
  };

  Result<Known> Find(const std::string& user) {
    Known known;
    if (user.contains('@')) {
      MR_TRY(auto document, records_.ByEmail(NormalEmail(user)));
      if (!document) return Fail(ErrorCode::kNotFound, "no user " + Excerpt(user));
      known.document = std::move(*document);
    } else {
      auto document = records_.Get(user);
      if (!document && document.error().code() == ErrorCode::kNotFound)
        return Fail(ErrorCode::kNotFound, "no user " + Excerpt(user));
      MR_CHECK_OK(document);
      known.document = std::move(*document);
    }
    known.id = TextOfMember(known.document, "id");
    return known;
  }

  /// Of a user without one (its sign-up was never finished): one that lets nobody in.
  Result<Credential> CredentialOf(const std::string& id) {
    auto credential = parts_.credentials.Get(id);
    if (credential || credential.error().code() != ErrorCode::kNotFound)
      return credential;
    return Credential{};
  }

  Result<std::string> ListUsers(AccountInput& input) {
    MR_CHECK_OK(input.Finish(false));
    std::vector<std::string> documents;
    MR_CHECK_OK(parts_.records.Scan(records_.codec().collection().name,
                                    [&](const records::ScannedRecord& user) {
                                      documents.emplace_back(user.document);
                                      return true;
                                    }));
    std::string out = R"({"items":[)";
    for (const auto& document : documents) {
      MR_TRY(const auto credential, CredentialOf(TextOfMember(document, "id")));
      if (!out.ends_with('[')) out += ',';
      out += UserOf(document, credential);
    }
    return out += "]}";
  }

  Result<std::string> HashOf(AccountInput& input) {
    auto given = input.TextIfThere("password_hash");
    if (!given) {
      const auto password = input.NewPassword("password");
      return HashPassword(password, kScheme);
    }
    if (!IsKnownHash(*given))
      input.Refuse("password_hash", "must be one of bcrypt or argon2id");
    return std::move(*given);
  }

  Result<std::string> AddUser(AccountInput& input) {
    Credential credential;
    const auto email = input.Email("email");
    credential.role = input.TextIfThere("role").value_or(credential.role);
    credential.tenant = input.TenantIfThere("tenant").value_or("");
    if (credential.role.empty()) input.Refuse("role", "must not be empty");
    MR_TRY(credential.password_hash, HashOf(input));
    MR_CHECK_OK(input.Finish(true));
    MR_TRY(auto user, records_.New(email, input.Rest()));
    MR_CHECK_OK(parts_.credentials.Put(user.id, credential));
    MR_TRY(const auto document, records_.InsertAndWait(std::move(user.body)));
    return UserOf(document, credential);
  }

  Result<std::string> SetUser(AccountInput& input) {
    MR_TRY(const auto known, FindFor(input));
    CredentialChange change{.role = input.TextIfThere("role"),
                            .tenant = input.TenantIfThere("tenant"),
                            .disabled = input.FlagIfThere("disabled")};
    if (change.role && change.role->empty()) input.Refuse("role", "must not be empty");
    if (input.Has("password")) {
      MR_TRY(change.password_hash, HashOf(input));
    }
    MR_CHECK_OK(input.Finish(false));
    MR_TRY(const auto credential, parts_.credentials.Change(known.id, change));
    MR_CHECK_OK(parts_.sessions.EndAll(known.id));
    return UserOf(known.document, credential);
  }

  Result<Known> FindFor(AccountInput& input) {
    const auto user = input.Text("user");
    if (user.empty()) MR_CHECK_OK(input.Finish(true));
    return Find(user);
  }

  static std::string IdOf(const Known& known) {
    std::string out = "{";
    AppendMember(out, "id", known.id);
    return out += '}';
  }

  Result<std::string> RemoveUser(AccountInput& input) {
    MR_TRY(const auto known, FindFor(input));
    MR_CHECK_OK(input.Finish(false));
    MR_CHECK_OK(parts_.sessions.EndAll(known.id));
    MR_CHECK_OK(records_.Remove(known.id));
    MR_CHECK_OK(parts_.credentials.Remove(known.id));
    return IdOf(known);
  }

  Result<std::string> CreateKey(AccountInput& input) {
    ApiKey key;
    key.name = input.Text("name");
    key.role = input.TextIfThere("role").value_or("");
    key.tenant = input.TenantIfThere("tenant").value_or("");
    key.scopes = SplitScopes(input.TextIfThere("scopes").value_or(""));
    if (const auto time = input.TextIfThere("expires_in")) {
      MR_TRY(const auto ms, ParseDurationMs(*time));
      key.expires_at = SystemClock().Now() + ms * kMicrosOfMs;
    }
    MR_CHECK_OK(input.Finish(false));
    MR_TRY(const auto created, keys_.Create(std::move(key)));
    auto out = KeyOf(created.as_listed);
    out.pop_back();
    AppendMember(out, "key", created.key);
    return out += '}';
  }

  Result<std::string> ListKeys(AccountInput& input) {
    MR_CHECK_OK(input.Finish(false));
    std::string out = R"({"items":[)";
    for (const auto& key : keys_.List()) {
      if (!out.ends_with('[')) out += ',';
      out += KeyOf(key);
    }
    return out += "]}";
  }

  Result<std::string> RevokeKey(AccountInput& input) {
    auto id = input.Text("id");
    MR_CHECK_OK(input.Finish(false));
    MR_CHECK_OK(keys_.Revoke(id));
    return "{}";
  }

  Result<std::string> Rotate(AccountInput& input) {
    const bool drop = input.FlagIfThere("drop").value_or(false);
    MR_CHECK_OK(input.Finish(false));
    MR_CHECK_OK(signing_.Rotate(drop));
    std::string out = R"({"keys":[)";
    for (const auto& key : signing_.List()) {
      out += out.ends_with('[') ? "{" : ",{";
      AppendMember(out, "kid", key.kid);
      AppendMember(out, "state", key.state);
      AppendMemberName(out, "created_at");
      out += TimeLiteral(key.created_at) + '}';
    }
    return out += "]}";
  }

  Result<std::string> RevokeToken(AccountInput& input) {
    if (input.Has("user")) {
      MR_TRY(const auto known, FindFor(input));
      MR_CHECK_OK(input.Finish(false));
      MR_CHECK_OK(parts_.sessions.EndAll(known.id));
      return IdOf(known);
    }
    const auto token = input.Text("token");
    MR_CHECK_OK(input.Finish(false));
    MR_TRY(const auto ended, Revoke(tokens_, token));
    return ended.empty() ? "{}" : "{\"id\":\"" + ended + "\"}";
  }

  Result<std::string> ShowToken(AccountInput& input) {
    const auto token = input.Text("token");
    MR_CHECK_OK(input.Finish(false));
    return Introspect(tokens_, token);
  }

  const AccountParts parts_;
  const TokenStores tokens_;
  ApiKeys& keys_;
  SigningKeys& signing_;
  UserRecords records_;
};

AccountAdmin::AccountAdmin(AccountParts parts, TokenStores tokens, ApiKeys& keys,
                           SigningKeys& signing, schema::Collection users)
    : impl_(std::make_unique<Impl>(parts, std::move(tokens), keys, signing,
                                   std::move(users))) {}
AccountAdmin::~AccountAdmin() = default;

Result<std::string> AccountAdmin::Run(std::string_view action, std::string_view body) {
  return impl_->Run(action, body);
}

}  // namespace millrace::identity
