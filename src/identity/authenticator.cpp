#include "identity/authenticator.hpp"

#include <algorithm>
#include <utility>

#include "base/bytes.hpp"

namespace millrace::identity {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
/// A user whose record was deleted is refused after so long at the latest.
constexpr TimestampUs kBelieve = 10 * kMicros;
constexpr std::size_t kHalf = 8192;

}  // namespace

Error InvalidToken() {
  return {ErrorCode::kUnauthenticated, "the access token is not valid"};
}

std::size_t Authenticator::Hash::operator()(std::string_view token) const {
  return Hash64(token);
}

Authenticator::Authenticator(const AccessTokens& tokens, const Sessions& sessions,
                             const ApiKeys& keys, UserExists exists, const Clock& clock)
    : tokens_(tokens),
      sessions_(sessions),
      keys_(keys),
      exists_(std::move(exists)),
      clock_(clock) {}

Result<query::Principal> Authenticator::Check(std::string_view credential) {
  if (ApiKeys::IsKey(credential)) {
    auto who = keys_.Check(credential);
    if (!who) return Fail(InvalidToken());
    return std::move(*who);
  }
  const auto now = clock_.Now();
  {
    const std::scoped_lock lock(mutex_);
    const auto* seen = Find(credential);
    if (seen != nullptr && now < seen->again_at) {
      if (sessions_.Ended(seen->who.session_id)) return Fail(InvalidToken());
      return seen->who;
    }
  }
  return Verify(credential);
}

const Authenticator::Seen* Authenticator::Find(std::string_view token) {
  if (generation_ != tokens_.generation()) return nullptr;
  for (auto* table : {&young_, &old_}) {
    if (const auto at = table->find(token); at != table->end()) return &at->second;
  }
  return nullptr;
}

Result<query::Principal> Authenticator::Verify(std::string_view token) {
  const auto generation = tokens_.generation();
  const auto claims = tokens_.Verify(token);
  if (!claims || sessions_.Ended(claims->subject.session_id)) return Fail(InvalidToken());
  MR_TRY(const bool there, exists_(claims->subject.user_id));
  if (!there) return Fail(InvalidToken());
  query::Principal who;
  who.authenticated = true;
  who.user_id = claims->subject.user_id;
  who.role = claims->subject.role;
  who.tenant = claims->subject.tenant;
  who.claims.emplace("email", claims->subject.email);
  who.session_id = claims->subject.session_id;
  who.expires_at = claims->exp;
  Keep(token, {who, std::min(clock_.Now() + kBelieve, claims->exp * kMicros)},
       generation);
  return who;
}

void Authenticator::Keep(std::string_view token, Seen seen, std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  if (generation_ != generation) {
    young_.clear();
    old_.clear();
    generation_ = generation;
  }
  if (young_.size() >= kHalf) {
    old_ = std::move(young_);
    young_ = {};
  }
  young_.insert_or_assign(std::string(token), std::move(seen));
}

}  // namespace millrace::identity
