#include "identity/password.hpp"

#include <gtest/gtest.h>

namespace millrace::identity {
namespace {

using enum PasswordScheme;

bool Right(std::string_view password, const std::string& hash) {
  return CheckPassword(password, hash, kBcrypt).right;
}

TEST(Password, BothSchemesVerifyWhatTheyHashed) {
  for (const auto scheme : {kBcrypt, kArgon2id}) {
    const auto hash = HashPassword("pässword 1", scheme);
    ASSERT_TRUE(hash);
    EXPECT_TRUE(Right("pässword 1", *hash)) << *hash;
    EXPECT_FALSE(Right("pässword 2", *hash));
    EXPECT_FALSE(Right("", *hash));
    EXPECT_NE(*hash, *HashPassword("pässword 1", scheme)) << "no salt";
  }
}

TEST(Password, HashesSayTheirSchemeAndCost) {
  EXPECT_TRUE(HashPassword("x", kBcrypt)->starts_with("$2b$10$"));
  EXPECT_EQ(HashPassword("x", kBcrypt)->size(), 60u);
  EXPECT_TRUE(
      HashPassword("x", kArgon2id)->starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

TEST(Password, VerifiesHashesOfOtherLibraries) {
  // From the test vectors of OpenBSD and of the argon2 reference.
  EXPECT_TRUE(
      Right("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_FALSE(
      Right("U*V", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST(Password, WhatIsWeakerThanWantedNeedsAnUpgrade) {
  const auto bcrypt = *HashPassword("x", kBcrypt);
  const auto argon = *HashPassword("x", kArgon2id);
  EXPECT_FALSE(CheckPassword("x", bcrypt, kBcrypt).needs_upgrade);
  EXPECT_TRUE(CheckPassword("x", bcrypt, kArgon2id).needs_upgrade);
  EXPECT_FALSE(CheckPassword("x", argon, kArgon2id).needs_upgrade);
  EXPECT_FALSE(CheckPassword("wrong", bcrypt, kArgon2id).needs_upgrade);
  EXPECT_TRUE(
      CheckPassword("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                    kBcrypt)
          .needs_upgrade);
}

TEST(Password, NoPartOfALongPasswordIsPassedOver) {
  const std::string same(72, 'x');
  const auto hash = *HashPassword(same + "a", kBcrypt);
  EXPECT_TRUE(Right(same + "a", hash));
  EXPECT_FALSE(Right(same + "b", hash));
  EXPECT_FALSE(Right(same, hash));
  using namespace std::string_view_literals;
  const auto with_nul = *HashPassword("a\0b"sv, kBcrypt);
  EXPECT_TRUE(Right("a\0b"sv, with_nul));
  EXPECT_FALSE(Right("a\0c"sv, with_nul));
  EXPECT_FALSE(Right("a", with_nul));
}

TEST(Password, AHashOfNoKnownFormIsNeverRight) {
  for (const auto* hash : {"", "x", "*0", "$2b$", "$2b$10$", "$2b$99$abc", "$argon2id$",
                           "$argon2id$v=19$m=1", "plain"}) {
    EXPECT_FALSE(Right("plain", hash)) << hash;
    EXPECT_FALSE(Right("", hash)) << hash;
  }
}

}  // namespace
}  // namespace millrace::identity
