#include <gmock/gmock.h>

#include "project_fixture.hpp"

namespace millrace::project {
namespace {

struct Case {
  std::string name;  ///< what is wrong
  std::string text;  ///< in place of "access: open"
  std::string problem;
};

class DoorProblems : public ProjectFixture {};

TEST_F(DoorProblems, OfLimitsOriginsAndProxies) {
  const std::vector<Case> cases{
      {"a limit without a name", "limits: [{requests: 5, every: 60s}]",
       "2:10: a limit needs the key name, such as each_client"},
      {"a limit of nothing", "limits: [{name: a, requests: 0, every: 60s}]",
       "2:30: expected a whole number from 1 to 1000000, got the number 0"},
      {"a limit for less than a second", "limits: [{name: a, requests: 5, every: 5ms}]",
       "2:40: expected a duration from 1000ms to 86400s, such as 50ms, got '5ms'"},
      {"a limit by what is not known",
       "limits: [{name: a, requests: 5, every: 60s, per: [ip, rout]}]",
       "2:55: expected one of ip, route, user, key, tenant, got 'rout'; did you mean "
       "route?"},
      {"a limit twice",
       "limits: [{name: a, requests: 5, every: 60s}, {name: a, requests: 5, every: "
       "60s}]",
       "2:46: a limit of this name is there already"},
      {"an origin with a path", "cors: {origins: ['https://a.example/']}",
       "2:18: expected an origin, such as https://shop.example, without a path, got "
       "'https://a.example/'"},
      {"credentials for everyone", "cors: {origins: ['*'], credentials: true}",
       "2:37: credentials are never given to every origin: name the origins"},
      {"an origin beside all of them", "cors: {origins: ['*', 'https://a.example']}",
       "2:17: * allows every origin: leave the others out"},
      {"a network that is none", "trusted_proxies: [10.0.0.0/33]",
       "2:19: expected an address or a network, such as 10.0.0.0/8, got "
       "'10.0.0.0/33'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    WriteShop();
    Replace("millrace.yaml", "access: open", c.text);
    EXPECT_THAT(Problems(), testing::ElementsAre("millrace.yaml:" + c.problem));
  }
}

}  // namespace
}  // namespace millrace::project
