#include "identity/token.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kSecret = "a secret";
constexpr std::int64_t kNow = 1'700'000'000;
const TokenClaims kClaims{"a@b.co", "65f0c0ffee", kNow, kNow + 3600};

std::string ReasonFor(std::string_view token, std::int64_t now = kNow) {
  const auto claims = VerifyToken(token, kSecret, now);
  if (claims) return "accepted";
  EXPECT_EQ(claims.error().code(), ErrorCode::kUnauthenticated);
  return claims.error().message();
}

/// A token of any header and payload, rightly signed.
std::string Signed(std::string_view header, std::string_view payload) {
  // The signature is that of SignToken over another text: taken from there.
  return EncodeBase64Url(header) + '.' + EncodeBase64Url(payload);
}

TEST(Token, ClaimsComeBack) {
  const auto claims = VerifyToken(SignToken(kClaims, kSecret), kSecret, kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->email, "a@b.co");
  EXPECT_EQ(claims->sub, "65f0c0ffee");
  EXPECT_EQ(claims->iat, kNow);
  EXPECT_EQ(claims->exp, kNow + 3600);
}

TEST(Token, IsThatOfOtherLibraries) {
  // The example that jwt.io shows: HS256, "your-256-bit-secret"; it has no exp.
  EXPECT_EQ(
      VerifyToken("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                  "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2Mj"
                  "M5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
                  "your-256-bit-secret", kNow)
          .error()
          .message(),
      "invalid exp value");
}

TEST(Token, ExpiresAtItsSecond) {
  const auto token = SignToken(kClaims, kSecret);
  EXPECT_EQ(ReasonFor(token, kNow + 3599), "accepted");
  EXPECT_EQ(ReasonFor(token, kNow + 3600), "jwt expired");
}

TEST(Token, EveryChangedCharacterIsSeen) {
  const auto token = SignToken(kClaims, kSecret);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(ReasonFor(changed), "accepted") << i;
    EXPECT_NE(ReasonFor(token.substr(0, i)), "accepted") << i;
  }
  EXPECT_EQ(VerifyToken(token, "another", kNow).error().message(), "invalid signature");
  EXPECT_EQ(VerifyToken(token, "", kNow).error().message(), "invalid signature");
}

TEST(Token, WhatIsNoTokenIsMalformed) {
  for (const auto* text : {"", "a", "a.b", "a.b.c.d", "...."}) {
    EXPECT_EQ(ReasonFor(text), "jwt malformed") << text;
  }
  EXPECT_EQ(ReasonFor(".."), "invalid token");
  EXPECT_EQ(ReasonFor("a.b.c"), "invalid token");
  EXPECT_EQ(ReasonFor(Signed("[]", "{}") + ".x"), "invalid token");
}

TEST(Token, OtherAlgorithmsAreRefused) {
  const auto payload = R"({"sub":"1","exp":9999999999})";
  EXPECT_EQ(ReasonFor(Signed(R"({"alg":"none"})", payload) + '.'),
            "jwt signature is required");
  for (const auto* alg : {"none", "None", "HS384", "RS256", "hs256", ""}) {
    const auto header = std::string(R"({"typ":"JWT","alg":")") + alg + "\"}";
    EXPECT_EQ(ReasonFor(Signed(header, payload) + ".xyz"), "invalid algorithm") << alg;
  }
  EXPECT_EQ(ReasonFor(Signed(R"({"typ":"JWT"})", payload) + ".xyz"), "invalid algorithm");
  EXPECT_EQ(ReasonFor(Signed(R"({"alg":["HS256"]})", payload) + ".xyz"),
            "invalid algorithm");
}

TEST(Token, NewSecretsDiffer) {
  const auto one = NewSecret();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->size(), 43u);
  EXPECT_NE(*one, *NewSecret());
}

}  // namespace
}  // namespace millrace::identity
