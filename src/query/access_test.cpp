#include "query/access.hpp"

#include <gtest/gtest.h>

namespace millrace::query {
namespace {

Access WithRule(Operation operation, std::string_view text) {
  Access access;
  access.rules[static_cast<std::size_t>(operation)] =
      Rule::Parse(text, {{"gift", schema::Type::Simple(schema::Kind::kBoolean)}}).value();
  return access;
}

TEST(Access, IsClosedWithoutARule) {
  const auto access = WithRule(Operation::kGet, "true");
  for (const auto operation : kOperations) {
    SCOPED_TRACE(NameOf(operation));
    EXPECT_EQ(access.For(operation, {}).always(), operation == Operation::kGet);
    EXPECT_EQ(access.For(operation, {}).never(), operation != Operation::kGet);
  }
}

TEST(Access, ListsRuleStandsInForLive) {
  auto access = WithRule(Operation::kList, "true");
  EXPECT_TRUE(access.For(Operation::kLive, {}).always());
  access.rules[static_cast<std::size_t>(Operation::kLive)] =
      WithRule(Operation::kLive, "false").RuleOf(Operation::kLive);
  EXPECT_TRUE(access.For(Operation::kLive, {}).never());
  EXPECT_TRUE(access.For(Operation::kList, {}).always());
}

TEST(Access, NoRuleLetsIntoACollectionOfTenantsWithoutOne) {
  auto access = WithRule(Operation::kList, "true");
  access.tenant = true;
  Principal who;
  who.authenticated = true;
  EXPECT_TRUE(access.For(Operation::kList, who).never());
  who.tenant = "acme";
  EXPECT_TRUE(access.For(Operation::kList, who).always());
}

}  // namespace
}  // namespace millrace::query
