#include "identity/signing_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/bytes.hpp"
#include "ed25519.hpp"
#include "test_clock.hpp"

namespace millrace::identity {
namespace {

using testing::HasSubstr;
using testing::Not;

class SigningKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (std::filesystem::temp_directory_path() / "keys_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    Start();
  }
  void TearDown() override {
    keys_.reset();
    db_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Start() {
    keys_.reset();
    db_.reset();
    db_ = *IdentityDb::Open(directory_);
    keys_ = *SigningKeys::Open(*db_, clock_, 600);
  }
  std::string Kid(std::string_view state) const {
    for (const auto& key : keys_->List()) {
      if (key.state == state) return key.kid;
    }
    return "";
  }

  TestClock clock_;
  std::filesystem::path directory_;
  std::unique_ptr<IdentityDb> db_;
  std::unique_ptr<SigningKeys> keys_;
};

TEST(Ed25519, IsThatOfTheStandard) {
  // RFC 8032, 7.1, test 2.
  const auto bytes = [](std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      out += static_cast<char>(*ParseHex(hex.substr(i, 2)));
    return out;
  };
  const auto key = Ed25519Key::Load(
      bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_bytes(),
            bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  const auto signature = bytes(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_EQ(key->Sign("\x72"), signature);
  EXPECT_TRUE(key->Verify("\x72", signature));
  EXPECT_FALSE(key->Verify("\x73", signature));
  EXPECT_EQ(Ed25519Key::Load("short").error().code(), ErrorCode::kDataLoss);
}

TEST_F(SigningKeysTest, SignsWhatItVerifies) {
  const auto token = keys_->Sign(R"({"sub":"ada"})");
  EXPECT_EQ(keys_->Verify(token), R"({"sub":"ada"})");
  Start();
  EXPECT_EQ(keys_->Verify(token), R"({"sub":"ada"})") << "keys are kept";
  const auto header = DecodeBase64Url(token.substr(0, token.find('.')));
  EXPECT_EQ(*header,
            R"({"alg":"EdDSA","kid":")" + Kid("active") + R"(","typ":"at+jwt"})");
}

TEST_F(SigningKeysTest, BelievesNothingElse) {
  const auto token = keys_->Sign("{}");
  const auto dot = token.find('.');
  for (const auto& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"),
        token + "A", token + ".", "." + token, token.substr(0, token.size() - 1),
        token.substr(dot + 1), EncodeBase64Url(R"({"alg":"none"})") + token.substr(dot),
        token.substr(0, dot) + ".e30K" + token.substr(token.rfind('.')), token + "="}) {
    EXPECT_EQ(keys_->Verify(bad), std::nullopt) << bad;
  }
}

TEST_F(SigningKeysTest, ARotationIsKnownBefore) {
  const auto standby = Kid("standby");
  const auto before = keys_->Sign("{}");
  EXPECT_THAT(keys_->Jwks(), HasSubstr(standby));
  ASSERT_TRUE(keys_->Rotate(false));
  EXPECT_EQ(Kid("active"), standby);
  EXPECT_NE(Kid("standby"), standby);
  EXPECT_TRUE(keys_->Verify(before));
  const auto retired = Kid("retired");
  EXPECT_THAT(keys_->Jwks(), HasSubstr(retired));
  EXPECT_THAT(keys_->Jwks(), Not(HasSubstr("\"d\"")));
  clock_.Pass(700);
  EXPECT_FALSE(keys_->Verify(before)) << "older than any token";
  EXPECT_THAT(keys_->Jwks(), Not(HasSubstr(retired)));
  ASSERT_TRUE(keys_->Rotate(false));
  EXPECT_EQ(keys_->List().size(), 3u) << "what is over is forgotten";
}

TEST_F(SigningKeysTest, AKeyInWrongHandsIsDropped) {
  const auto before = keys_->Sign("{}");
  ASSERT_TRUE(keys_->Rotate(true));
  EXPECT_FALSE(keys_->Verify(before));
  Start();
  EXPECT_FALSE(keys_->Verify(before));
  EXPECT_EQ(keys_->List().size(), 2u);
}

}  // namespace
}  // namespace millrace::identity
