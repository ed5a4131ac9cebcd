#include "identity/user_email.hpp"

#include <gtest/gtest.h>

#include "project/users.hpp"

namespace millrace::identity {
namespace {

class UserEmail : public testing::Test {
 protected:
  Result<std::vector<schema::Draft>> Create(std::string body) {
    bool batch = false;
    body.reserve(body.size() + schema::kJsonPadding);
    MR_TRY(auto drafts, codec_.ParseCreates(body, 9, &batch));
    MR_CHECK_OK(NormaliseEmails(drafts, batch));
    return drafts;
  }
  Result<std::string> Change(std::string body) {
    body.reserve(body.size() + schema::kJsonPadding);
    MR_TRY(auto patch, codec_.ParsePatch(body, kId));
    MR_CHECK_OK(NormaliseEmail(patch, codec_.collection()));
    return codec_.Apply(R"({"id":")" + std::string(kId) + R"(","email":"ada@b.co"})",
                        patch);
  }

  static constexpr std::string_view kId = "01890a5d-ac96-774b-bcce-b302099a8057";
  const schema::RecordCodec codec_{project::Users()};
};

TEST_F(UserEmail, IsKeptInLowerCase) {
  const auto drafts =
      Create(R"([{"email":"Ada.L@B.co"},{"id":"x","email":"\"A\\\"\u00c9\"@B.CO"}])");
  ASSERT_TRUE(drafts) << drafts.error().ToString();
  EXPECT_EQ((*drafts)[0].json, R"({"id":,"email":"ada.l@b.co"})");
  EXPECT_EQ((*drafts)[1].json, R"({"id":"x","email":"\"a\\\"É\"@b.co"})");
  EXPECT_TRUE(Change(R"({"email":"ADA@B.co"})")->ends_with(R"("email":"ada@b.co"})"));
}

TEST_F(UserEmail, IsNoOtherText) {
  const auto refused = Create(
      R"([{"email":"a@b.co"},{"email":"nobody"},{"email":""},{"email":"a b@b.co"}])");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().fields(),
            (std::vector<FieldError>{{"/1/email", "is no e-mail address"},
                                     {"/2/email", "is no e-mail address"},
                                     {"/3/email", "is no e-mail address"}}));
  EXPECT_EQ(Create(R"({"email":"nobody"})").error().fields().front().pointer, "/email");
  EXPECT_EQ(Change(R"({"email":"nobody"})").error().fields().front().pointer, "/email");
}

TEST_F(UserEmail, StaysWhereAPatchLeavesItOut) {
  EXPECT_TRUE(Change("{}")->ends_with(R"("email":"ada@b.co"})"));
}

}  // namespace
}  // namespace millrace::identity
