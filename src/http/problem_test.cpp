#include "http/problem.hpp"

#include <gtest/gtest.h>

namespace millrace::http {
namespace {

TEST(Problem, WritesEveryMember) {
  const Error error(ErrorCode::kInvalidArgument, "2 fields are not valid",
                    {{"/a", "is not text"}, {"/b/0", "says \"no\""}});
  const auto response = Problem(error, "/api/x", "r1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            "{\"type\":\"urn:millrace:error:invalid_argument\","
            "\"title\":\"The request is not valid\",\"status\":400,"
            "\"detail\":\"2 fields are not valid\",\"instance\":\"/api/x\","
            "\"errors\":[{\"pointer\":\"/a\",\"detail\":\"is not text\"},"
            "{\"pointer\":\"/b/0\",\"detail\":\"says \\\"no\\\"\"}],"
            "\"request_id\":\"r1\"}");
}

TEST(Problem, HidesTheMessageOfAnInternalError) {
  const auto response = Problem(Error(ErrorCode::kInternal, "secret path"), {}, "r1");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST(Problem, TellsWhenToRetryWhereThatMakesSense) {
  const auto has_retry = [](ErrorCode code) {
    const auto response = Problem(Error(code, "x"), {}, {});
    return !response.headers.empty() && response.headers[0].first == "Retry-After";
  };
  EXPECT_TRUE(has_retry(ErrorCode::kUnavailable));
  EXPECT_TRUE(has_retry(ErrorCode::kResourceExhausted));
  EXPECT_FALSE(has_retry(ErrorCode::kConflict));
}

TEST(StatusOf, MapsEachCode) {
  struct Case {
    ErrorCode code;
    int status;
  };
  constexpr Case kCases[] = {
      {ErrorCode::kInvalidArgument, 400},  {ErrorCode::kUnauthenticated, 401},
      {ErrorCode::kPermissionDenied, 403}, {ErrorCode::kNotFound, 404},
      {ErrorCode::kConflict, 409},         {ErrorCode::kResourceExhausted, 507},
      {ErrorCode::kOutOfRange, 410},       {ErrorCode::kDeadlineExceeded, 504},
      {ErrorCode::kUnavailable, 503},      {ErrorCode::kDataLoss, 500},
      {ErrorCode::kInternal, 500},         {ErrorCode::kPreconditionFailed, 412},
      {ErrorCode::kTooLarge, 413},         {ErrorCode::kUnprocessable, 422},
      {ErrorCode::kFenced, 503},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(ToString(c.code));
    EXPECT_EQ(StatusOf(c.code), c.status);
    EXPECT_FALSE(ReasonOf(c.status).empty());
  }
}

}  // namespace
}  // namespace millrace::http
