#include "identity/credentials.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.hpp"
#include "identity/password.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::identity {
namespace {

TEST(Credentials, ReadTheGoldenFile) {
  auto name = (std::filesystem::temp_directory_path() / "golden_XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(name.data());
  {
    const auto text =
        ReadFile(std::filesystem::path(MR_TEST_DATA) / "identity" / "identity_v1.sql");
    ASSERT_TRUE(text);
    auto db = Sqlite::Open(directory / "identity.db", Sqlite::Mode::kDurable);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->Run(*text));
  }
  {
    const auto credentials = Credentials::Open(directory, SystemClock());
    ASSERT_TRUE(credentials) << credentials.error().ToString();
    const auto hash = (*credentials)->Get("65f0c0ffee65f0c0ffee0001");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(CheckPassword("U*U", *hash, PasswordScheme::kBcrypt).right);
    EXPECT_EQ((*credentials)->SigningSecret(),
              "c2VjcmV0IG9mIHRoZSBnb2xkZW4gZGF0YWJhc2UuLi4");
    EXPECT_TRUE((*credentials)->Put("65f0c0ffee65f0c0ffee0002", "$2b$10$x"));
  }
  const auto again = Credentials::Open(directory, SystemClock());
  EXPECT_EQ((*again)->Get("65f0c0ffee65f0c0ffee0002"), "$2b$10$x");
  EXPECT_EQ((*again)->Get("nobody").error().code(), ErrorCode::kNotFound);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace millrace::identity
