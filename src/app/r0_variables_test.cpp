#include "r0_variables.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/file.hpp"
#include "dot_env.hpp"

namespace millrace::app {
namespace {

TEST(DotEnv, ReadsNamesAndValues) {
  const auto read = ParseDotEnv(
      "# a comment\n\nA=1\n  B = two words  \nexport C=\"q # r\"\nD='x=y'\r\nE=v # "
      "why\nF=\n"
      "A=2");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (Variables{{"A", "2"},
                              {"B", "two words"},
                              {"C", "q # r"},
                              {"D", "x=y"},
                              {"E", "v"},
                              {"F", ""}}));
}

TEST(DotEnv, NamesTheLineThatIsNone) {
  for (const auto* text : {"A=1\nsecret", "A=1\n=x", "A=1\nA B=2"}) {
    const auto read = ParseDotEnv(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message(), "line 2: expected NAME=value");
  }
}

class R0Variables : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (std::filesystem::temp_directory_path() / "r0_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(WriteFileDurably(directory_ / name, text));
  }
  std::string Setting(std::string_view name, std::vector<const char*> environment) {
    environment.push_back(nullptr);
    const auto given = ReadR0Variables(directory_, environment.data());
    EXPECT_TRUE(given);
    const auto found = given->given.find(name);
    return found == given->given.end() ? "-" : found->second.value;
  }

  std::filesystem::path directory_;
};

TEST_F(R0Variables, StandForSettings) {
  EXPECT_EQ(Setting("http.port", {"GATEWAY_PORT=3000"}), "3000");
  EXPECT_EQ(Setting("identity.host", {"AUTH_MICROSERVICE_HOST=auth"}), "auth");
  EXPECT_EQ(Setting("identity.port", {"AUTH_MICROSERVICE_PORT=0"}), "0");
  EXPECT_EQ(Setting("identity.jwt_secret", {"JWT_SECRET=a=b"}), "a=b");
  EXPECT_EQ(Setting("identity.jwt_expiration", {"JWT_EXPIRATION=3600s"}), "3600s");
  EXPECT_EQ(Setting("identity.jwt_expiration", {"JWT_EXPIRATION=7d"}), "168h");
  EXPECT_EQ(Setting("logging.level", {"LOG_LEVEL=verbose"}), "debug");
  EXPECT_EQ(Setting("logging.level", {"LOG_LEVEL=log"}), "info");
  EXPECT_EQ(Setting("logging.level", {}), "-");
  EXPECT_EQ(Setting("throttle.ttl", {"THROTTLE_TTL=60000"}), "60000ms");
  EXPECT_EQ(Setting("throttle.limit", {"THROTTLE_LIMIT=10"}), "10");
}

TEST_F(R0Variables, ComeFromFilesOfTheModeToo) {
  Write(".env", "JWT_SECRET=general\nGATEWAY_PORT=1\nLOG_LEVEL=warn\n");
  Write(".env.development", "JWT_SECRET=development\nGATEWAY_PORT=2\n");
  Write(".env.test", "JWT_SECRET=test\n");
  EXPECT_EQ(Setting("identity.jwt_secret", {}), "development");
  EXPECT_EQ(Setting("identity.jwt_secret", {"NODE_ENV=test"}), "test");
  EXPECT_EQ(Setting("identity.jwt_secret", {"NODE_ENV=other"}), "general");
  EXPECT_EQ(Setting("identity.jwt_secret", {"NODE_ENV=production"}), "-");
  EXPECT_EQ(Setting("http.port", {"GATEWAY_PORT=3"}), "3");
  EXPECT_EQ(Setting("logging.level", {}), "warn");
}

TEST_F(R0Variables, ABrokenFileIsNamedWithoutItsText) {
  Write(".env", "A=1\nhunter2\n");
  const char* const none[] = {nullptr};
  const auto given = ReadR0Variables(directory_, none);
  ASSERT_FALSE(given);
  EXPECT_TRUE(given.error().message().ends_with("/.env: line 2: expected NAME=value"));
}

TEST_F(R0Variables, NamesOfServersAreTakenInBothForms) {
  const char* described[] = {"MONGO_URI=mongodb://mongo/etl-db", "REDIS_HOST=redis",
                             "ORDERS_STREAM_NAME=orders_cdc_stream", "MINIO_BUCKET=b",
                             nullptr};
  const char* coded[] = {"ETL_REDIS_HOST=redis", "ETL_MINIO_BUCKET_NAME=b", nullptr};
  const auto names = [this](const char* const* environment) {
    std::vector<std::string> out;
    const auto read = ReadR0Variables(directory_, environment);
    for (const auto& one : read->unused) out.push_back(one.variable);
    return out;
  };
  EXPECT_EQ(names(described),
            (std::vector<std::string>{"MONGO_URI", "REDIS_HOST", "ORDERS_STREAM_NAME",
                                      "MINIO_BUCKET"}));
  EXPECT_EQ(names(coded),
            (std::vector<std::string>{"ETL_REDIS_HOST", "ETL_MINIO_BUCKET_NAME"}));
}

TEST_F(R0Variables, TheTwoNamesOfOneThingMustAgree) {
  const char* same[] = {"REDIS_PORT=6379", "ETL_REDIS_PORT=6379", nullptr};
  EXPECT_EQ(ReadR0Variables(directory_, same)->unused.size(), 1u);
  const char* other[] = {"MINIO_SECRET_KEY=one", "ETL_MINIO_SECRET_KEY=two", nullptr};
  const auto read = ReadR0Variables(directory_, other);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(),
            "MINIO_SECRET_KEY and ETL_MINIO_SECRET_KEY are the same and have different "
            "values: leave one out");
}

}  // namespace
}  // namespace millrace::app
