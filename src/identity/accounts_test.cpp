#include "accounts_fixture.hpp"
#include "base/file.hpp"
#include "identity/password.hpp"

namespace millrace::identity {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(AccountsTest, ASignUpIsLoggedIn) {
  const auto grant =
      SignUp(R"({"name":"Ada","password":"password1","email":"Ada@Example.com"})");
  ASSERT_TRUE(grant) << grant.error().ToString();
  EXPECT_THAT(*grant, HasSubstr(R"("token_type":"Bearer","expires_in":600,)"));
  EXPECT_THAT(*grant, HasSubstr(R"("email":"ada@example.com","name":"Ada")"));
  EXPECT_THAT(*grant, HasSubstr(R"("role":"user","tenant":null)"));
  EXPECT_THAT(*grant, Not(HasSubstr("password")));
  const auto who = who_->Check(Member(*grant, "access_token"));
  ASSERT_TRUE(who) << who.error().ToString();
  EXPECT_TRUE(who->authenticated);
  EXPECT_EQ(who->role, "user");
  EXPECT_EQ(who->user_id, UserId(*grant));
  EXPECT_EQ(who->expires_at, clock_.now / 1'000'000 + 600);
  EXPECT_EQ(std::get<std::string>(who->claims.at("email")), "ada@example.com");
  EXPECT_FALSE(who->session_id.empty());
}

TEST_F(AccountsTest, EveryProblemOfASignUpIsNamed) {
  const auto refused = SignUp(R"({"email":"nobody","password":"short","id":"x"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().fields(),
            (std::vector<FieldError>{{"/email", "is no e-mail address"},
                                     {"/password", "must have 8 characters or more"},
                                     {"/id", "is made here: leave it out"}}));
  for (const auto* body :
       {"", "[]", "7", "{", R"({"email":["a"],"password":{}})",
        R"({"email":"a@b.co","password":"password1","role":"admin"})",
        R"({"email":"a@b.co","password":"password1","_version":"1"})",
        R"({"email":"a@b.co","email":"b@b.co","password":"12345678"})"})
    EXPECT_EQ(SignUp(body).error().code(), ErrorCode::kInvalidArgument) << body;
  EXPECT_FALSE(LogIn("a@b.co"));
}

TEST_F(AccountsTest, AnAddressIsTakenOnceInWhateverCase) {
  Ada();
  const auto again = SignUp(R"({"email":"ADA@example.COM","password":"password2"})");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(LogIn("ada@EXAMPLE.com"));
}

TEST_F(AccountsTest, OfManySignUpsAtATimeOneWins) {
  std::vector<std::promise<Result<std::string>>> promises(6);
  for (auto& promise : promises) {
    accounts_->SignUp(R"({"email":"a@b.co","password":"password1"})", client_,
                      [&promise](auto answer) { promise.set_value(std::move(answer)); });
  }
  int won = 0;
  for (auto& promise : promises) {
    const auto answer = promise.get_future().get();
    won += answer ? 1 : 0;
    if (!answer) EXPECT_EQ(answer.error().code(), ErrorCode::kConflict);
  }
  EXPECT_EQ(won, 1);
  Restart();  // sweeps what the others left
  EXPECT_TRUE(LogIn("a@b.co"));
}

TEST(EmailOfALogin, IsAnAddressOrNone) {
  EXPECT_EQ(Accounts::EmailOf(R"({"password":"x","email":"Ada@B.co"})"), "ada@b.co");
  for (const auto* body : {"", "[]", "{}", R"({"email":"nobody"})", R"({"email":7})",
                           R"({"email":null})", R"({"email":"a@b.co","email":"c@b.co"})"})
    EXPECT_EQ(Accounts::EmailOf(body), "") << body;
  const auto wide = std::string(60'000, 'x') + "@b.co";
  EXPECT_EQ(Accounts::EmailOf(R"({"email":")" + wide + "\"}"), "");
}

TEST_F(AccountsTest, WrongAndUnknownAreOneError) {
  Ada();
  const auto wrong = LogIn("ada@example.com", "password2");
  const auto unknown = LogIn("bob@example.com");
  ASSERT_FALSE(wrong);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(wrong.error().ToString(), unknown.error().ToString());
  EXPECT_EQ(wrong.error().code(), ErrorCode::kUnauthenticated);
}

TEST_F(AccountsTest, ADisabledUserIsOutEverywhere) {
  const auto grant = Ada();
  const auto id = UserId(grant);
  auto credential = *credentials_->Get(id);
  credential.disabled = true;
  ASSERT_TRUE(credentials_->Put(id, credential));
  EXPECT_EQ(LogIn("ada@example.com").error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(LogIn("ada@example.com", "password2").error().code(),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(Refresh(Member(grant, "refresh_token")).error().code(),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(CodeOf(Member(grant, "access_token")), ErrorCode::kUnauthenticated);
}

TEST_F(AccountsTest, ATokenIsGoodForItsTimeAndItsSession) {
  const auto grant = Ada();
  const auto token = Member(grant, "access_token");
  clock_.Pass(599);
  EXPECT_TRUE(who_->Check(token));
  EXPECT_TRUE(who_->Check(token)) << "the second time from the table";
  clock_.Pass(1);
  EXPECT_EQ(CodeOf(token), ErrorCode::kUnauthenticated);
  const auto second = Member(*LogIn("ada@example.com"), "access_token");
  const auto who = who_->Check(second);
  ASSERT_TRUE(who);
  EXPECT_EQ(*Wait([&](Done done) {
    accounts_->EndSession(*who, who->session_id, std::move(done));
  }),
            "{}");
  EXPECT_EQ(CodeOf(second), ErrorCode::kUnauthenticated);
  Restart();
  EXPECT_EQ(CodeOf(second), ErrorCode::kUnauthenticated) << "also after a restart";
}

TEST_F(AccountsTest, ATokenOfAKeyThatIsDroppedIsRefusedAtOnce) {
  const auto token = Member(Ada(), "access_token");
  EXPECT_TRUE(who_->Check(token));
  ASSERT_TRUE(keys_->Rotate(false));
  EXPECT_TRUE(who_->Check(token));
  ASSERT_TRUE(keys_->Rotate(true));
  EXPECT_EQ(CodeOf(token), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(who_->Check(Member(*LogIn("ada@example.com"), "access_token")));
}

TEST_F(AccountsTest, ADeletedUserIsRefusedSoon) {
  const auto grant = Ada();
  const auto token = Member(grant, "access_token");
  const auto id = who_->Check(token)->user_id;
  Delete(id);
  clock_.Pass(10);
  EXPECT_EQ(CodeOf(token), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Refresh(Member(grant, "refresh_token")).error().code(),
            ErrorCode::kUnauthenticated);
  EXPECT_FALSE(LogIn("ada@example.com"));
  Restart();
  EXPECT_FALSE(credentials_->Get(id)) << "swept";
}

TEST_F(AccountsTest, OfManyRefreshesOfOneTokenOneWinsAndTheSessionGoesOn) {
  const auto spent = Member(Ada(), "refresh_token");
  std::vector<std::promise<Result<std::string>>> promises(10);
  for (auto& promise : promises) {
    accounts_->Refresh(R"({"refresh_token":")" + spent + "\"}", client_,
                       [&promise](auto answer) { promise.set_value(std::move(answer)); });
  }
  std::string next;
  int won = 0;
  for (auto& promise : promises) {
    const auto answer = promise.get_future().get();
    won += answer ? 1 : 0;
    if (answer) next = Member(*answer, "refresh_token");
  }
  EXPECT_EQ(won, 1);
  EXPECT_NE(next, spent);
  EXPECT_TRUE(Refresh(next));
}

TEST_F(AccountsTest, ASpentTokenThatComesAgainEndsTheSession) {
  for (const bool elsewhere : {false, true}) {
    const auto grant = elsewhere ? *LogIn("ada@example.com") : Ada();
    const auto spent = Member(grant, "refresh_token");
    const auto next = Refresh(spent);
    ASSERT_TRUE(next);
    if (elsewhere) {
      client_.address = "198.51.100.7";
    } else {
      clock_.Pass(11);
    }
    EXPECT_EQ(Refresh(spent).error().code(), ErrorCode::kUnauthenticated);
    EXPECT_FALSE(Refresh(Member(*next, "refresh_token")));
    EXPECT_EQ(CodeOf(Member(*next, "access_token")), ErrorCode::kUnauthenticated);
  }
}

TEST_F(AccountsTest, ASessionEndsWithoutRefreshes) {
  auto token = Member(Ada(), "refresh_token");
  clock_.Pass(29LL * 86'400);
  token = Member(*Refresh(token), "refresh_token");
  clock_.Pass(29LL * 86'400);
  EXPECT_TRUE(sessions_->Find(token)) << "a refresh begins the time anew";
  clock_.Pass(2LL * 86'400);
  EXPECT_FALSE(Refresh(token));
}

TEST_F(AccountsTest, ANewPasswordEndsTheOtherSessions) {
  const auto mine = Ada();
  const auto other = *LogIn("ada@example.com");
  const auto who = *who_->Check(Member(mine, "access_token"));
  const auto change = [&](const std::string& body) {
    return Wait(
        [&](Done done) { accounts_->ChangePassword(who, body, std::move(done)); });
  };
  EXPECT_EQ(change(R"({"password":"wrong","new_password":"password2"})").error().code(),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(change(R"({"password":"password1","new_password":"x"})").error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(change(R"({"password":"password1","new_password":"password2"})"));
  EXPECT_FALSE(LogIn("ada@example.com"));
  EXPECT_TRUE(LogIn("ada@example.com", "password2"));
  EXPECT_TRUE(who_->Check(Member(mine, "access_token")));
  EXPECT_EQ(CodeOf(Member(other, "access_token")), ErrorCode::kUnauthenticated);
  EXPECT_FALSE(Refresh(Member(other, "refresh_token")));
}

TEST_F(AccountsTest, SessionsAreListedToTheirUserAlone) {
  const auto ada = *who_->Check(Member(Ada(), "access_token"));
  const auto bob = *who_->Check(
      Member(*SignUp(R"({"email":"b@b.co","password":"password1"})"), "access_token"));
  const auto list =
      *Wait([&](Done done) { accounts_->ListSessions(ada, std::move(done)); });
  EXPECT_THAT(list, HasSubstr(ada.session_id));
  EXPECT_THAT(list,
              HasSubstr(R"("address":"192.0.2.1","user_agent":"test","current":true)"));
  EXPECT_THAT(list, Not(HasSubstr(bob.session_id)));
  EXPECT_EQ(Wait([&](Done done) {
              accounts_->EndSession(ada, bob.session_id, std::move(done));
            })
                .error()
                .code(),
            ErrorCode::kNotFound);
}

TEST_F(AccountsTest, AnotherSystemsHashIsRenewedAtLogin) {
  const auto id = who_->Check(Member(Ada(), "access_token"))->user_id;
  ASSERT_TRUE(credentials_->Put(id, *HashPassword("password1", PasswordScheme::kBcrypt)));
  EXPECT_TRUE(LogIn("ada@example.com"));
  EXPECT_TRUE(credentials_->Get(id)->password_hash.starts_with("$argon2id$"));
  EXPECT_TRUE(LogIn("ada@example.com"));
}

TEST_F(AccountsTest, AnApiKeyAsksWithoutAUser) {
  const auto made = api_keys_->Create({.name = "nightly", .role = "importer"});
  const auto who = who_->Check(made->key);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->role, "importer");
  EXPECT_TRUE(who->user_id.empty());
  EXPECT_EQ(Wait([&](Done done) { accounts_->ListSessions(*who, std::move(done)); })
                .error()
                .code(),
            ErrorCode::kPermissionDenied);
  ASSERT_TRUE(api_keys_->Revoke(made->as_listed.id));
  EXPECT_EQ(CodeOf(made->key), ErrorCode::kUnauthenticated);
}

TEST_F(AccountsTest, SecretsAreNotInTheFile) {
  const auto grant = Ada();
  const auto key = api_keys_->Create({.name = "x"})->key;
  const auto secrets = {Member(grant, "refresh_token"), key.substr(key.rfind('_') + 1)};
  Stop();
  for (const auto& file : {"identity.db", "identity.db-wal", "records.db"}) {
    const auto bytes = ReadFile(directory_ / file);
    if (!bytes) continue;
    for (const auto& secret : secrets) EXPECT_FALSE(bytes->contains(secret)) << file;
    EXPECT_FALSE(bytes->contains("password1")) << file;
  }
}

}  // namespace
}  // namespace millrace::identity
