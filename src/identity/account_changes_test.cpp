#include <fmt/format.h>

#include "accounts_fixture.hpp"
#include "identity/password.hpp"

/// What becomes of something under way when an account changes meanwhile.
namespace millrace::identity {
namespace {

using testing::HasSubstr;

class AccountChanges : public AccountsTest {
 protected:
  void SetUp() override {
    AccountsTest::SetUp();
    grant_ = Ada();
    id_ = UserId(grant_);
    ada_ = *who_->Check(Member(grant_, "access_token"));
  }
  std::string HashOf(std::string_view password) {
    return *HashPassword(password, PasswordScheme::kArgon2id);
  }
  Result<std::string> ChangePassword(const std::string& from, const std::string& to) {
    return Wait([&](Done done) {
      accounts_->ChangePassword(
          ada_, R"({"password":")" + from + R"(","new_password":")" + to + "\"}",
          std::move(done));
    });
  }
  Status Set(const std::string& members) {
    const auto set =
        admin_->Run("users/set", R"({"user":"ada@example.com",)" + members + '}');
    return set ? Status() : Fail(set.error());
  }

  std::string grant_, id_;
  query::Principal ada_;
};

TEST_F(AccountChanges, ALoginByTheOldPasswordComesTooLate) {
  const auto hash = HashOf("password2");
  clock_.Meanwhile([&] {
    ASSERT_TRUE(credentials_->Put(id_, hash));
    ASSERT_TRUE(sessions_->EndAll(id_));
  });
  EXPECT_EQ(LogIn("ada@example.com").error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(sessions_->List(id_)->empty());
  EXPECT_TRUE(LogIn("ada@example.com", "password2"));
}

TEST_F(AccountChanges, ALoginOfWhoIsDisabledMeanwhileIsRefused) {
  clock_.Meanwhile([&] { ASSERT_TRUE(Set(R"("disabled":true)")); });
  EXPECT_EQ(LogIn("ada@example.com").error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(sessions_->List(id_)->empty());
}

TEST_F(AccountChanges, ALoginHasTheRightsOfTheMomentItBegins) {
  clock_.Meanwhile([&] { ASSERT_TRUE(Set(R"("role":"admin","tenant":"acme")")); });
  const auto grant = LogIn("ada@example.com");
  ASSERT_TRUE(grant);
  EXPECT_THAT(*grant, HasSubstr(R"("role":"admin","tenant":"acme")"));
  EXPECT_EQ(who_->Check(Member(*grant, "access_token"))->role, "admin");
}

TEST_F(AccountChanges, ALoginSurvivesARenewalOfItsHash) {
  const auto hash = HashOf("password1");
  clock_.Meanwhile([&] { ASSERT_TRUE(credentials_->Put(id_, hash)); });
  EXPECT_TRUE(LogIn("ada@example.com")) << "the same password by another hash";
}

TEST_F(AccountChanges, ARenewedHashTakesNoNewPasswordBack) {
  ASSERT_TRUE(
      credentials_->Put(id_, *HashPassword("password1", PasswordScheme::kBcrypt)));
  const auto hash = HashOf("password2");
  clock_.Meanwhile([&] { ASSERT_TRUE(credentials_->Put(id_, hash)); });
  EXPECT_EQ(LogIn("ada@example.com").error().code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(credentials_->Get(id_)->password_hash, hash);
}

TEST_F(AccountChanges, AnOperatorsResetIsNotOverwritten) {
  const auto hash = HashOf("reset by an operator");
  clock_.Meanwhile([&] { ASSERT_TRUE(credentials_->Put(id_, hash)); });
  EXPECT_EQ(ChangePassword("password1", "password2").error().code(),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(credentials_->Get(id_)->password_hash, hash);
}

TEST_F(AccountChanges, AnOperatorSetsWhatHeNamesAlone) {
  clock_.Meanwhile([&] { EXPECT_TRUE(ChangePassword("password1", "password2")); });
  ASSERT_TRUE(Set(R"("role":"admin")"));
  EXPECT_TRUE(LogIn("ada@example.com", "password2"));
  EXPECT_FALSE(LogIn("ada@example.com"));
  clock_.Meanwhile([&] { EXPECT_TRUE(Set(R"("tenant":"acme")")); });
  ASSERT_TRUE(Set(R"("disabled":true)"));
  const auto credential = *credentials_->Get(id_);
  EXPECT_EQ(credential.role, "admin");
  EXPECT_EQ(credential.tenant, "acme");
  EXPECT_TRUE(credential.disabled);
  ASSERT_TRUE(Set(R"("tenant":"","disabled":false,"password":"password3")"));
  EXPECT_TRUE(LogIn("ada@example.com", "password3"));
  EXPECT_EQ(credentials_->Get(id_)->tenant, "");
}

TEST_F(AccountChanges, ATenantHasANameThatEveryStoreTakes) {
  const std::pair<std::string, std::string> cases[] = {
      {"users/add", R"("email":"b@b.co","password":"password1")"},
      {"users/set", R"("user":"ada@example.com")"},
      {"keys/create", R"("name":"nightly")"}};
  for (const auto& [action, members] : cases) {
    const auto set = [&](std::string_view tenant) {
      return admin_->Run(action, fmt::format(R"({{{},"tenant":"{}"}})", members, tenant));
    };
    for (const auto& tenant : {std::string(65, 'x'), std::string("a/b")}) {
      const auto refused = set(tenant);
      ASSERT_FALSE(refused) << action;
      EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(refused.error().message(),
                  HasSubstr("tenant must be 1 to 64 of A-Z a-z 0-9 _ . -"));
    }
    EXPECT_TRUE(set("acme-1.eu")) << action;
  }
}

TEST_F(AccountChanges, ARefreshThatCannotBeAnsweredSpendsNothing) {
  const auto token = Member(grant_, "refresh_token");
  failing_->fails = true;
  EXPECT_EQ(Refresh(token).error().code(), ErrorCode::kUnavailable);
  failing_->fails = false;
  clock_.Pass(60);
  EXPECT_TRUE(Refresh(token));
}

TEST_F(AccountChanges, AShorterLifetimeIsThatOfTokensThatAreAbout) {
  lifetime_s_ = 86'400;
  Restart();
  const auto token = Member(*LogIn("ada@example.com"), "access_token");
  const auto who = *who_->Check(token);
  ASSERT_TRUE(sessions_->End(who.session_id));
  clock_.Pass(3'600);
  const auto other = Member(*LogIn("ada@example.com"), "access_token");
  lifetime_s_ = 600;
  Restart();
  EXPECT_EQ(CodeOf(token), ErrorCode::kUnauthenticated) << "it was ended before";
  EXPECT_EQ(who_->Check(other)->expires_at, clock_.now / 1'000'000 + 600);
  clock_.Pass(600);
  EXPECT_EQ(CodeOf(other), ErrorCode::kUnauthenticated);
}

TEST_F(AccountChanges, SpentTokensDoNotPileUp) {
  const auto first = Member(grant_, "refresh_token");
  const auto second = Refresh(first);
  ASSERT_TRUE(second);
  const auto at = clock_.now;
  ASSERT_TRUE(db_->Write([&](Sqlite& db) {
    return db.Run(
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s LIMIT "
        "1000) INSERT INTO refresh_tokens SELECT 'x' || n, session_id, " +
        std::to_string(at) +
        " + n, '' FROM refresh_tokens, s WHERE "
        "spent_at = 0");
  }));
  clock_.Pass(7'200);
  const auto third = Refresh(Member(*second, "refresh_token"));
  ASSERT_TRUE(third) << third.error().ToString();
  const auto kept = db_->Read([](Sqlite& db) -> Result<std::int64_t> {
    MR_TRY(auto count, db.Prepare("SELECT count(*) FROM refresh_tokens"));
    MR_TRY(const bool row, count.Step());
    return row ? count.Int(0) : 0;
  });
  EXPECT_EQ(*kept, 1'001);
  EXPECT_EQ(Refresh(first).error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(sessions_->Find(Member(*third, "refresh_token")))
      << "forgotten: like any text";
}

/// Or who stole a token could refresh until nobody knows it any more.
TEST_F(AccountChanges, ASessionIsRefreshedAHundredTimesAnHour) {
  const auto first = Member(grant_, "refresh_token");
  auto token = first;
  for (int i = 0; i < 100; ++i) {
    clock_.Pass(1);
    const auto next = Refresh(token);
    ASSERT_TRUE(next) << next.error().ToString();
    token = Member(*next, "refresh_token");
  }
  EXPECT_EQ(Refresh(token).error().code(), ErrorCode::kUnavailable);
  clock_.Pass(3'600);
  const auto next = Refresh(token);
  ASSERT_TRUE(next) << next.error().ToString();
  EXPECT_FALSE(Refresh(first));
  EXPECT_FALSE(sessions_->Find(Member(*next, "refresh_token"))) << "reused";
}

TEST_F(AccountChanges, TokensOfADeletedUserAreInactive) {
  const auto tokens = {Member(grant_, "access_token"), Member(grant_, "refresh_token")};
  for (const auto& token : tokens)
    EXPECT_THAT(*Introspect(Stores(), token), HasSubstr(R"("active":true)"));
  Delete(id_);
  for (const auto& token : tokens)
    EXPECT_EQ(*Introspect(Stores(), token), R"({"active":false})");
}

}  // namespace
}  // namespace millrace::identity
