#include "identity/api_keys.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "test_clock.hpp"

namespace millrace::identity {
namespace {

class ApiKeysTest : public testing::Test {
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
    keys_ = *ApiKeys::Open(*db_, clock_);
  }

  TestClock clock_;
  std::filesystem::path directory_;
  std::unique_ptr<IdentityDb> db_;
  std::unique_ptr<ApiKeys> keys_;
};

TEST_F(ApiKeysTest, AKeyIsKnownByWhatItIsMadeFor) {
  const auto made = keys_->Create({.name = "nightly",
                                   .role = "importer",
                                   .tenant = "acme",
                                   .scopes = {"orders:read", "*:write"}});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->key.starts_with("mr_" + made->as_listed.id + "_"));
  Start();
  const auto who = keys_->Check(made->key);
  ASSERT_TRUE(who);
  EXPECT_TRUE(who->authenticated);
  EXPECT_EQ(who->role, "importer");
  EXPECT_EQ(who->tenant, "acme");
  EXPECT_EQ(who->key_id, made->as_listed.id);
  EXPECT_EQ(who->scopes, (std::vector<std::string>{"orders:read", "*:write"}));
  EXPECT_EQ(who->expires_at, 0);
}

TEST_F(ApiKeysTest, AnotherTextIsNoKey) {
  const auto key = keys_->Create({.name = "x"})->key;
  auto other = key;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  for (const auto& bad : {other, key + "A", key.substr(0, key.size() - 1),
                          key.substr(0, key.rfind('_') + 1), std::string("mr_"),
                          std::string("mr__"), std::string(), key.substr(3)}) {
    EXPECT_FALSE(keys_->Check(bad)) << bad;
  }
}

TEST_F(ApiKeysTest, AKeyEnds) {
  const auto ends =
      *keys_->Create({.name = "short", .expires_at = clock_.now + 3600LL * 1'000'000});
  const auto gone = *keys_->Create({.name = "gone"});
  EXPECT_EQ(keys_->Check(ends.key)->expires_at, clock_.now / 1'000'000 + 3600);
  ASSERT_TRUE(keys_->Revoke(gone.as_listed.id));
  EXPECT_FALSE(keys_->Check(gone.key));
  EXPECT_EQ(keys_->Revoke(gone.as_listed.id).error().code(), ErrorCode::kNotFound);
  Start();
  EXPECT_FALSE(keys_->Check(gone.key));
  EXPECT_TRUE(keys_->Check(ends.key));
  clock_.Pass(3600);
  EXPECT_FALSE(keys_->Check(ends.key));
  EXPECT_EQ(keys_->List().size(), 2u);
}

TEST_F(ApiKeysTest, ScopesHaveAForm) {
  for (const auto* bad : {"", "orders", "orders:", ":read", "orders:delete", "a b:read"})
    EXPECT_EQ(keys_->Create({.name = "x", .scopes = {bad}}).error().code(),
              ErrorCode::kInvalidArgument)
        << bad;
  EXPECT_TRUE(keys_->Create({.name = "x", .scopes = {"*", "*:read", "orders:write"}}));
}

}  // namespace
}  // namespace millrace::identity
