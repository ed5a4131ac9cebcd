/// What comes as a credential is one of those that were made, or nobody's.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "identity/access_tokens.hpp"
#include "identity/api_keys.hpp"
#include "sample.hpp"

namespace {

using namespace millrace;

/// The parts of an installation that look at credentials.
struct Place {
  Place() {
    auto name = (std::filesystem::temp_directory_path() / "fuzz_XXXXXX").string();
    const std::filesystem::path directory = ::mkdtemp(name.data());
    db = *identity::IdentityDb::Open(directory);
    signing = *identity::SigningKeys::Open(*db, SystemClock(), 600);
    keys = *identity::ApiKeys::Open(*db, SystemClock());
    key = keys->Create({.name = "fuzz"})->key;
    tokens = std::make_unique<identity::AccessTokens>(
        *signing, SystemClock(), identity::AccessTokenOptions{"iss", "aud", 600});
    token = tokens->Issue({"user", "session", "role", "", "a@b.co"});
    std::filesystem::remove_all(directory);
  }
  std::unique_ptr<identity::IdentityDb> db;
  std::unique_ptr<identity::SigningKeys> signing;
  std::unique_ptr<identity::ApiKeys> keys;
  std::unique_ptr<identity::AccessTokens> tokens;
  std::string key, token;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::Require(!place.tokens->Verify(text), "nobody else signs tokens");
  fuzz::Require(!place.keys->Check(text), "nobody guesses a key");
  // The same bytes where the parts of a good token stand, and as claims that are signed.
  const auto dot = place.token.find('.');
  const auto last = place.token.rfind('.');
  const std::string own(place.token);
  for (const auto& token : {own.substr(0, dot + 1) + std::string(text) + own.substr(last),
                            std::string(text) + own.substr(dot),
                            own.substr(0, last + 1) + std::string(text)}) {
    fuzz::Require(token == own || !place.tokens->Verify(token),
                  "a changed token is none");
  }
  if (const auto claims = place.tokens->Verify(place.signing->Sign(text))) {
    fuzz::Require(!claims->subject.user_id.empty() && claims->exp > claims->iat - 60,
                  "claims that are believed name somebody and end");
  }
  return 0;
}
