#include "base/json_member.hpp"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(JsonMember, CommasStandBetweenMembersOnly) {
  std::string out = "{";
  AppendMember(out, "text", "a \"b\"");
  AppendMember(out, "number", std::uint64_t{18446744073709551615u});
  AppendFlagMember(out, "flag", false);
  AppendMemberOrNull(out, "none", "");
  AppendMemberOrNull(out, "some", "x");
  AppendMemberName(out, "object");
  out += '{';
  AppendMember(out, "first", "");
  out += "}}";
  EXPECT_EQ(out, R"({"text":"a \"b\"","number":18446744073709551615,"flag":false,)"
                 R"("none":null,"some":"x","object":{"first":""}})");
}

}  // namespace
}  // namespace millrace
