#include "identity/users.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>

#include "identity/messages.hpp"
#include "identity/token.hpp"
#include "project/users.hpp"
#include "records_embedded/embedded_records.hpp"
#include "rpc/client.hpp"
#include "schema/record_codec.hpp"
#include "sqlite/sqlite.hpp"

namespace millrace::identity {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSecret = "a secret";

/// An identity service and a client of it, over a directory.
class UsersTest : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (std::filesystem::temp_directory_path() / "identity_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    Start();
  }
  void TearDown() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }

  void Start(UsersOptions options = {}) {
    records::EmbeddedRecordsOptions records;
    records.directory = directory_;
    records.collections = {project::UsersOfR0()};
    store_ = *records::EmbeddedRecords::Open(std::move(records));
    db_ = *IdentityDb::Open(directory_);
    credentials_ = std::make_unique<Credentials>(*db_, SystemClock());
    options.collection = project::UsersOfR0();
    options.token_secret = kSecret;
    users_ = *Users::Open(*store_, *credentials_, options, log_);
    server_ = *rpc::Server::Start({}, MessageHandlers(*users_, log_), log_);
    rpc::ClientOptions to;
    to.host = "127.0.0.1";
    to.port = server_->port();
    client_ = std::make_unique<rpc::Client>(to, log_);
  }

  void Stop() {
    client_.reset();
    server_.reset();
    users_.reset();
    credentials_.reset();
    db_.reset();
    store_.reset();
  }

  std::future<Result<rpc::Answer>> Begin(std::string_view message,
                                         std::string_view data) {
    auto promise = std::make_shared<std::promise<Result<rpc::Answer>>>();
    client_->Call(
        rpc::CommandPattern(message), data, Deadline::After(std::chrono::seconds(30)),
        [promise](Result<rpc::Answer> answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }
  std::string Ask(std::string_view message, std::string_view data) {
    const auto answer = Begin(message, data).get();
    EXPECT_TRUE(answer) << answer.error().ToString();
    return answer ? answer->json : "";
  }
  std::string Register(std::string_view email, std::string_view password = "password1") {
    return Ask(kRegister, ToJson(SignUp{std::string(email), std::string(password), {}}));
  }
  std::string Login(std::string_view email, std::string_view password = "password1") {
    return Ask(kLogin, ToJson(LogIn{std::string(email), std::string(password)}));
  }
  static std::string IdOf(std::string_view user) {
    return schema::TextOf(schema::FindMember(user, "id"));
  }
  void Delete(const std::string& id) {
    std::promise<void> done;
    records::WriteRequest write;
    write.collection = "users";
    write.ops.push_back({id, records::Delete{}, records::Operation::kDelete, {}});
    write.render = [](const auto& written) {
      EXPECT_TRUE(written);
      return records::Answer{};
    };
    write.done = [&](const records::Answer&, bool) { done.set_value(); };
    store_->Submit(std::move(write));
    done.get_future().wait();
  }

  std::filesystem::path directory_;
  telemetry::Logger log_{{.level = telemetry::Level::kError}};
  std::unique_ptr<records::EmbeddedRecords> store_;
  std::unique_ptr<IdentityDb> db_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<Users> users_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Client> client_;
};

TEST_F(UsersTest, ARegisteredUserIsThatObject) {
  const auto user =
      Ask(kRegister, R"({"email":"A@b.co","password":"password1","username":"Ann"})");
  EXPECT_THAT(user,
              testing::MatchesRegex(
                  R"(\{"id":"[0-9a-f]{24}","email":"A@b.co","name":"Ann",)"
                  R"("createdAt":"[0-9T:.-]{23}Z","updatedAt":"[0-9T:.-]{23}Z"\})"));
  EXPECT_THAT(Register("b@b.co"), Not(HasSubstr("name")));
}

TEST_F(UsersTest, AnEmailIsTakenOnce) {
  Register("a@b.co");
  EXPECT_EQ(Register("a@b.co"),
            R"({"statusCode":409,"message":"Email already exists","error":"Conflict"})");
  EXPECT_THAT(Register("A@b.co"), HasSubstr(R"("email":"A@b.co")"));
}

TEST_F(UsersTest, OfManySignUpsAtATimeOneWins) {
  std::vector<std::future<Result<rpc::Answer>>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(Begin(kRegister, R"({"email":"a@b.co","password":"password1"})"));
  }
  int won = 0;
  for (auto& answer : answers) won += answer.get()->failed ? 0 : 1;
  EXPECT_EQ(won, 1);
  const auto all = Ask(kGetUsers, "{}");
  EXPECT_EQ(all.find("@"), all.rfind("@"));
  EXPECT_THAT(Login("a@b.co"), HasSubstr("accessToken"));
}

TEST_F(UsersTest, LoginGivesATokenOfTheUser) {
  const auto id = IdOf(Register("a@b.co"));
  const auto answer = Login("a@b.co");
  EXPECT_EQ(IdOf(schema::FindMember(answer, "user")), id);
  const auto token = schema::TextOf(schema::FindMember(answer, "accessToken"));
  const auto claims = VerifyToken(token, kSecret, SystemClock().Now() / 1'000'000);
  ASSERT_TRUE(claims) << claims.error().ToString();
  EXPECT_EQ(claims->email, "a@b.co");
  EXPECT_EQ(claims->sub, id);
  EXPECT_EQ(claims->exp, claims->iat + 3600);
}

TEST_F(UsersTest, WrongPasswordAndUnknownUserAreTwoErrors) {
  Register("a@b.co");
  EXPECT_EQ(
      Login("a@b.co", "password2"),
      R"({"statusCode":401,"message":"Invalid credentials","error":"Unauthorized"})");
  EXPECT_EQ(Login("x@b.co"),
            R"({"statusCode":404,"message":"User not found","error":"Not Found"})");
}

TEST_F(UsersTest, RulesHoldForEveryClientOfTheMessages) {
  EXPECT_THAT(Ask(kRegister, R"({"email":"a@b.co","password":"short"})"),
              HasSubstr(R"({"statusCode":400,"message":["Password must be at least 8 )"
                        R"(characters long."],"error":"Bad Request"})"));
  EXPECT_THAT(Ask(kLogin, R"("x")"), HasSubstr(R"("statusCode":400)"));
}

TEST_F(UsersTest, ADeletedUserIsNoUser) {
  const auto id = IdOf(Register("a@b.co"));
  const auto asked = R"({"userId":")" + id + "\"}";
  EXPECT_EQ(IdOf(Ask(kValidateUser, asked)), id);
  Delete(id);
  EXPECT_EQ(Ask(kValidateUser, asked), "null");
  EXPECT_EQ(Ask(kValidateUser, "{}"), "null");
  EXPECT_EQ(Ask(kGetUsers, "{}"), "[]");
  EXPECT_THAT(Login("a@b.co"), HasSubstr("User not found"));
  // Its secret goes with the next start.
  EXPECT_TRUE(credentials_->Get(id));
  Stop();
  Start();
  EXPECT_FALSE(credentials_->Get(id));
}

TEST_F(UsersTest, UsersSurviveARestart) {
  const auto user = Register("a@b.co");
  Stop();
  Start();
  EXPECT_THAT(Login("a@b.co"), HasSubstr(user));
  EXPECT_EQ(Ask(kGetUsers, "{}"), "[" + user + "]");
}

TEST_F(UsersTest, AFloodOfLoginsIsRefusedAndStarvesNothingElse) {
  const auto id = IdOf(Register("a@b.co"));
  Stop();
  UsersOptions tight;
  tight.hash_queue = 1;
  Start(tight);
  std::vector<std::future<Result<rpc::Answer>>> logins;
  const auto body = ToJson(LogIn{"a@b.co", "password1"});
  for (int i = 0; i < 40; ++i) logins.push_back(Begin(kLogin, body));
  EXPECT_EQ(IdOf(Ask(kValidateUser, R"({"userId":")" + id + "\"}")), id);
  int refused = 0;
  int let_in = 0;
  for (auto& login : logins) {
    const auto answer = login.get();
    ASSERT_TRUE(answer);
    refused += answer->json.contains(R"("statusCode":503)") ? 1 : 0;
    let_in += answer->json.contains("accessToken") ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(let_in, 0);
  EXPECT_EQ(refused + let_in, 40);
}

TEST_F(UsersTest, AnotherSystemsHashIsRenewedAtLogin) {
  const auto id = IdOf(Register("a@b.co"));
  ASSERT_TRUE(
      credentials_->Put(id, *HashPassword("password1", PasswordScheme::kArgon2id)));
  EXPECT_THAT(Login("a@b.co"), HasSubstr("accessToken"));
  EXPECT_TRUE(credentials_->Get(id)->password_hash.starts_with("$2b$10$"));
  EXPECT_THAT(Login("a@b.co"), HasSubstr("accessToken"));
}

TEST_F(UsersTest, SecretsLieInAFileOfTheirOwn) {
  const auto id = IdOf(Register("a@b.co"));
  struct stat file{};
  ASSERT_EQ(::stat((directory_ / "identity.db").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777u, 0600u);
  const auto hash = credentials_->Get(id)->password_hash;
  EXPECT_THAT(store_->Get("", "users", id)->document, Not(HasSubstr(hash)));
  EXPECT_THAT(Ask(kGetUsers, "{}"), Not(HasSubstr("$2")));
  const auto secret = credentials_->SigningSecret();
  ASSERT_TRUE(secret);
  Stop();
  Start();
  EXPECT_EQ(*credentials_->SigningSecret(), *secret);
}

TEST_F(UsersTest, ANewerFormatIsRefused) {
  Stop();
  {
    auto db = Sqlite::Open(directory_ / "identity.db", Sqlite::Mode::kDurable);
    ASSERT_TRUE(db->Run("PRAGMA user_version = 99"));
  }
  const auto opened = IdentityDb::Open(directory_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(opened.error().message(), HasSubstr("99"));
}

}  // namespace
}  // namespace millrace::identity
