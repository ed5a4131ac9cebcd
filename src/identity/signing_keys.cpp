#include "identity/signing_keys.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json_member.hpp"
#include "ed25519.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kActive = "active";
constexpr std::string_view kStandby = "standby";
constexpr std::string_view kRetired = "retired";
constexpr std::int64_t kMicros = 1'000'000;
/// A clock that is set back a little does not refuse a good token.
constexpr std::int64_t kSlackUs = 60 * kMicros;

/// RFC 7638: the name of a key is the digest of its public half.
std::string KidOf(const Ed25519Key& key) {
  return Sha256Text(R"({"crv":"Ed25519","kty":"OKP","x":")" +
                    EncodeBase64Url(key.public_bytes()) + "\"}");
}

std::string HeaderOf(std::string_view kid) {
  std::string json = R"({"alg":"EdDSA")";
  AppendMember(json, "kid", kid);
  AppendMember(json, "typ", "at+jwt");
  return EncodeBase64Url(json += '}');
}

Status Insert(Sqlite& db, std::string_view state, std::int64_t now) {
  MR_TRY(const auto key, Ed25519Key::Make());
  const auto kid = KidOf(key);
  const auto secret = EncodeBase64Url(key.private_bytes());
  MR_TRY(auto insert, db.Prepare("INSERT INTO signing_keys VALUES (?, ?, ?, ?, 0)"));
  insert.Bind(1, kid).Bind(2, secret).Bind(3, state).Bind(4, now);
  return insert.Finish();
}

Status Replace(Sqlite& db, std::int64_t now) {
  MR_TRY(auto retire, db.Prepare("UPDATE signing_keys SET state = 'retired', "
                                 "retired_at = ? WHERE state = 'active'"));
  retire.Bind(1, now);
  MR_CHECK_OK(retire.Finish());
  MR_CHECK_OK(db.Run("UPDATE signing_keys SET state = 'active' WHERE state = 'standby'"));
  return Insert(db, kStandby, now);
}

}  // namespace

struct SigningKeys::KeySet {
  struct One {
    Key key;
    Ed25519Key pair;
    std::string header;  ///< as tokens begin
  };
  std::vector<One> all;  ///< the active one first
};

SigningKeys::SigningKeys(IdentityDb& db, const Clock& clock,
                         std::int64_t token_lifetime_s)
    : db_(db), clock_(clock), lifetime_us_(token_lifetime_s * kMicros + kSlackUs) {}
SigningKeys::~SigningKeys() = default;

Result<std::unique_ptr<SigningKeys>> SigningKeys::Open(IdentityDb& db, const Clock& clock,
                                                       std::int64_t token_lifetime_s) {
  std::unique_ptr<SigningKeys> keys(new SigningKeys(db, clock, token_lifetime_s));
  MR_CHECK_OK(keys->Load());
  if (!keys->keys_->all.empty()) return keys;
  MR_CHECK_OK(db.Write([&](Sqlite& open) -> Status {
    MR_CHECK_OK(Insert(open, kActive, clock.Now()));
    return Insert(open, kStandby, clock.Now());
  }));
  MR_CHECK_OK(keys->Load());
  return keys;
}

Status SigningKeys::Load() {
  auto set = std::make_shared<KeySet>();
  MR_CHECK_OK(db_.Read([&](Sqlite& db) -> Status {
    MR_TRY(auto select,
           db.Prepare("SELECT kid, private, state, created_at, retired_at FROM "
                      "signing_keys ORDER BY state = 'active' DESC, created_at, kid"));
    for (;;) {
      MR_TRY(const bool more, select.Step());
      if (!more) return {};
      Key key{std::string(select.Text(0)), std::string(select.Text(2)), select.Int(3),
              select.Int(4)};
      MR_TRY(const auto secret, DecodeBase64Url(select.Text(1)));
      MR_TRY(auto pair, Ed25519Key::Load(secret));
      auto header = HeaderOf(key.kid);
      set->all.push_back({std::move(key), std::move(pair), std::move(header)});
    }
  }));
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(set);
  return {};
}

std::shared_ptr<const SigningKeys::KeySet> SigningKeys::Keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

std::string SigningKeys::Sign(std::string_view claims_json) const {
  const auto keys = Keys();
  const auto& active = keys->all.front();
  auto token = active.header + '.' + EncodeBase64Url(claims_json);
  const auto signature = active.pair.Sign(token);
  return token += '.' + EncodeBase64Url(signature);
}

std::optional<std::string> SigningKeys::Verify(std::string_view token) const {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) return std::nullopt;
  const auto keys = Keys();
  const auto key =
      std::ranges::find(keys->all, token.substr(0, first), &KeySet::One::header);
  if (key == keys->all.end()) return std::nullopt;
  if (key->key.state == kRetired && clock_.Now() > key->key.retired_at + lifetime_us_)
    return std::nullopt;
  const auto signature = DecodeBase64Url(token.substr(last + 1));
  if (!signature || !key->pair.Verify(token.substr(0, last), *signature))
    return std::nullopt;
  auto claims = DecodeBase64Url(token.substr(first + 1, last - first - 1));
  if (!claims) return std::nullopt;
  return std::move(*claims);
}

std::string SigningKeys::Jwks() const {
  std::string json = R"({"keys":[)";
  const auto oldest = clock_.Now() - lifetime_us_;
  const auto keys = Keys();
  for (const auto& one : keys->all) {
    if (one.key.state == kRetired && one.key.retired_at < oldest) continue;
    json += json.ends_with('[') ? "{" : ",{";
    AppendMember(json, "kty", "OKP");
    AppendMember(json, "crv", "Ed25519");
    AppendMember(json, "alg", "EdDSA");
    AppendMember(json, "use", "sig");
    AppendMember(json, "kid", one.key.kid);
    AppendMember(json, "x", EncodeBase64Url(one.pair.public_bytes()));
    json += '}';
  }
  return json += "]}";
}

std::vector<SigningKeys::Key> SigningKeys::List() const {
  std::vector<Key> list;
  const auto keys = Keys();
  for (const auto& one : keys->all) list.push_back(one.key);
  return list;
}

Status SigningKeys::Rotate(bool drop) {
  // Of two at a time the later one's keys are loaded last, as they were committed.
  const std::scoped_lock rotating(rotate_mutex_);
  const auto now = clock_.Now();
  MR_CHECK_OK(db_.Write([&](Sqlite& db) -> Status {
    MR_CHECK_OK(Replace(db, now));
    // Every token of theirs is over, or shall be.
    MR_TRY(auto forget, db.Prepare("DELETE FROM signing_keys WHERE state = 'retired' AND "
                                   "(? OR retired_at < ?)"));
    forget.Bind(1, std::int64_t{drop}).Bind(2, now - lifetime_us_);
    return forget.Finish();
  }));
  MR_CHECK_OK(Load());
  ++generation_;
  return {};
}

}  // namespace millrace::identity
