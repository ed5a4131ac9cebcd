#include "identity/credentials.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.hpp"
#include "identity/api_keys.hpp"
#include "identity/password.hpp"
#include "identity/sessions.hpp"
#include "identity/signing_keys.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::identity {
namespace {

/// A directory with the database that a golden file describes.
std::filesystem::path GoldenDirectory(const std::string& file) {
  auto name = (std::filesystem::temp_directory_path() / "golden_XXXXXX").string();
  std::filesystem::path directory = ::mkdtemp(name.data());
  const auto text = ReadFile(std::filesystem::path(MR_TEST_DATA) / "identity" / file);
  EXPECT_TRUE(text);
  auto db = Sqlite::Open(directory / "identity.db", Sqlite::Mode::kDurable);
  EXPECT_TRUE(db && db->Run(*text));
  return directory;
}

TEST(IdentityDb, ReadsTheGoldenFileOfItsFormat) {
  const auto directory = GoldenDirectory("identity_v2.sql");
  {
    const auto opened = IdentityDb::Open(directory);
    ASSERT_TRUE(opened) << opened.error().ToString();
    const auto user =
        Credentials(**opened, SystemClock()).Get("65f0c0ffee65f0c0ffee0001");
    ASSERT_TRUE(user);
    EXPECT_TRUE(CheckPassword("U*U", user->password_hash, PasswordScheme::kBcrypt).right);
    EXPECT_EQ(user->role, "admin");
    EXPECT_EQ(user->tenant, "acme");
    EXPECT_TRUE(user->disabled);
    const auto sessions = Sessions::Open(**opened, SystemClock(), {});
    Credentials credentials(**opened, SystemClock());
    ASSERT_TRUE(credentials.Change("65f0c0ffee65f0c0ffee0001", {.disabled = false}));
    const auto next = (*sessions)->Refresh("mrr_golden", {"192.0.2.1", "golden"});
    ASSERT_TRUE(next) << next.error().ToString();
    EXPECT_EQ(next->session_id, "018bcfe5-6800-7000-8000-000000000001");
    const auto key =
        (*ApiKeys::Open(**opened, SystemClock()))->Check("mr_0123456789ab_secret");
    ASSERT_TRUE(key);
    EXPECT_EQ(key->scopes, (std::vector<std::string>{"orders:read", "*:write"}));
    const auto signing = SigningKeys::Open(**opened, SystemClock(), 600);
    EXPECT_EQ((*signing)->List().front().kid,
              "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    EXPECT_TRUE((*signing)->Verify((*signing)->Sign("{}")));
  }
  std::filesystem::remove_all(directory);
}

TEST(Credentials, ReadTheGoldenFileOfFormat1) {
  const auto directory = GoldenDirectory("identity_v1.sql");
  {
    const auto opened = IdentityDb::Open(directory);
    ASSERT_TRUE(opened) << opened.error().ToString();
    Credentials credentials(**opened, SystemClock());
    const auto known = credentials.Get("65f0c0ffee65f0c0ffee0001");
    ASSERT_TRUE(known);
    EXPECT_TRUE(
        CheckPassword("U*U", known->password_hash, PasswordScheme::kBcrypt).right);
    EXPECT_EQ(known->role, "user");
    EXPECT_FALSE(known->disabled);
    EXPECT_EQ(credentials.SigningSecret(), "c2VjcmV0IG9mIHRoZSBnb2xkZW4gZGF0YWJhc2UuLi4");
    EXPECT_TRUE(credentials.Put("65f0c0ffee65f0c0ffee0002", {"$2b$10$x", "admin", "t"}));
    EXPECT_TRUE(credentials.Put("65f0c0ffee65f0c0ffee0002", "$2b$10$y"));
  }
  const auto again = IdentityDb::Open(directory);
  Credentials credentials(**again, SystemClock());
  const auto second = credentials.Get("65f0c0ffee65f0c0ffee0002");
  EXPECT_EQ(second->password_hash, "$2b$10$y");
  EXPECT_EQ(second->role, "admin") << "a new password changes no right";
  EXPECT_EQ(second->tenant, "t");
  EXPECT_EQ(credentials.Get("nobody").error().code(), ErrorCode::kNotFound);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace millrace::identity
