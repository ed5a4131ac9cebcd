#include "http/answer_on.hpp"

#include <gmock/gmock.h>

#include "test_server.hpp"

namespace millrace::http {
namespace {

using testing::HasSubstr;

class AnswerOnTest : public ServerTest {
 protected:
  AnswerOnTest() {
    Router router;
    router.Add(Method::kGet, "/jobs/{what}",
               [this](const Request& request, Responder responder) {
                 AnswerOn(
                     pool_, request, std::move(responder),
                     [what = std::string(request.Param("what"))] { return Work(what); });
               });
    Start(std::move(router));
  }
  static Result<Response> Work(const std::string& what) {
    if (what == "fails") return Fail(ErrorCode::kConflict, "it is there already");
    return TextResponse(what);
  }
  ClientResponse Ask(const std::string& path) {
    auto client = MakeClient();
    return *client.Send(Method::kGet, path, "", {}, TestDeadline());
  }

  runtime::BlockingPool pool_{1, 8};
};

TEST_F(AnswerOnTest, GivesWhatTheWorkGives) {
  const auto done = Ask("/jobs/is-done");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, "is-done");
  const auto failed = Ask("/jobs/fails");
  EXPECT_EQ(failed.status, 409);
  EXPECT_THAT(failed.body, HasSubstr("it is there already"));
  EXPECT_THAT(failed.body, HasSubstr(R"("instance":"/jobs/fails")"));
  EXPECT_THAT(failed.body, HasSubstr(std::string(failed.Header("x-request-id"))));
}

TEST_F(AnswerOnTest, TellsWhenToComeBackWhereNothingIsTaken) {
  pool_.Stop();
  const auto refused = Ask("/jobs/is-not-done");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.Header("retry-after"), "1");
  EXPECT_THAT(refused.body, HasSubstr("too many reads are waiting"));
}

}  // namespace
}  // namespace millrace::http
