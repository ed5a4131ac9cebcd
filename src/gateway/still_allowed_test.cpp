#include "still_allowed.hpp"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using std::chrono::steady_clock;

class StillAllowedTest : public testing::Test {
 protected:
  StillAllowedTest() {
    access_.who = [this](const http::Request& request) -> Result<query::Principal> {
      ++asked_;
      EXPECT_EQ(request.Header("authorization"), "Bearer t");
      EXPECT_EQ(request.Header("x-api-key"), "");
      if (revoked_) return Fail(ErrorCode::kUnauthenticated, "revoked");
      return who_;
    };
    who_.authenticated = true;
    who_.user_id = "ada";
    http::Request request;
    request.headers = headers_;
    allowed_.emplace(&access_, request, who_);
  }
  /// The next time that it asks.
  bool Later() { return (*allowed_)(now_ += StillAllowed::kAgain); }

  AccessControl access_;
  query::Principal who_;
  bool revoked_ = false;
  int asked_ = 0;
  const std::array<http::HeaderField, 2> headers_{
      http::HeaderField{"Authorization", "Bearer t"}, http::HeaderField{"Accept", "*"}};
  std::optional<StillAllowed> allowed_;
  StillAllowed::Time now_ = steady_clock::now() + std::chrono::hours(1);
};

TEST_F(StillAllowedTest, AsksNowAndThen) {
  EXPECT_TRUE(Later());
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE((*allowed_)(now_));
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(Later());
  EXPECT_EQ(asked_, 2);
}

TEST_F(StillAllowedTest, ARevokedTokenEndsIt) {
  revoked_ = true;
  EXPECT_FALSE(Later());
}

TEST_F(StillAllowedTest, OtherRightsEndItAnotherSessionDoesNot) {
  who_.session_id = "next";
  who_.expires_at = 7;
  EXPECT_TRUE(Later());
  who_.role = "admin";
  EXPECT_FALSE(Later());
  who_.role = "";
  EXPECT_TRUE(Later());
  who_.tenant = "acme";
  EXPECT_FALSE(Later());
}

TEST_F(StillAllowedTest, IsNothingInAnOpenProject) {
  StillAllowed open(nullptr, {}, {});
  EXPECT_TRUE(open(now_));
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace millrace::gateway
