#include "query/rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::query {
namespace {

using schema::Kind;
using schema::Type;
using testing::ElementsAre;
using testing::HasSubstr;

schema::Columns Columns() {
  return {{"id", Type::Simple(Kind::kBigint)},
          {"owner", Type::Simple(Kind::kText)},
          {"editor", Type::Simple(Kind::kText)},
          {"status", Type::Simple(Kind::kText)},
          {"amount", Type::Decimal(10, 2)},
          {"paid", Type::Decimal(12, 2)},
          {"fee", Type::Decimal(10, 3)},
          {"due", Type::Simple(Kind::kDate)},
          {"gift", Type::Simple(Kind::kBoolean)},
          {"weight", Type::Simple(Kind::kDouble)},
          {"maker", Type::Simple(Kind::kInteger)},
          {"meta", Type::Simple(Kind::kJson)},
          {"tags", Type::Parse("text[]").value()},
          {"_created_at", Type::Simple(Kind::kTimestamp)}};
}

Principal Ada() {
  Principal ada;
  ada.authenticated = true;
  ada.user_id = "ada";
  ada.role = "clerk";
  ada.claims = {{"level", std::int64_t{3}},
                {"plan", std::string("pro")},
                {"beta", true},
                {"score", 2.5},
                {"nothing", nullptr}};
  return ada;
}

Principal Admin() {
  Principal admin;
  admin.authenticated = true;
  admin.user_id = "7";
  admin.role = "admin";
  return admin;
}

std::string Left(std::string_view text, const Principal& who) {
  const auto rule = Rule::Parse(text, Columns());
  if (!rule) return "does not parse: " + rule.error().front().message;
  return ToText(rule->For(who), Columns());
}

TEST(Rule, LeavesWhatARecordMustFulfil) {
  struct Case {
    std::string_view rule;
    std::string_view nobody;
    std::string_view ada;
    std::string_view admin;
  };
  constexpr Case kCases[] = {
      {"true", "true", "true", "true"},
      {"false", "false", "false", "false"},
      {"auth.authenticated", "false", "true", "true"},
      {"not auth.authenticated", "true", "false", "false"},
      {"owner = auth.user_id or auth.role = 'admin'", "false", "owner = 'ada'", "true"},
      {"auth.user_id = owner", "false", "owner = 'ada'", "owner = '7'"},
      {"auth.user_id in (owner, editor)", "false", "owner = 'ada' or editor = 'ada'",
       "owner = '7' or editor = '7'"},
      {"auth.role in ('admin', 'staff')", "false", "false", "true"},
      {"auth.role not in ('admin', 'staff')", "false", "true", "false"},
      {"maker = auth.user_id", "false", "false", "maker = 7"},
      {"not maker = auth.user_id", "false", "false", "maker <> 7"},
      {"id in (1, auth.user_id)", "id in (1)", "id in (1)", "id in (1, 7)"},
      {"id not in (1, auth.user_id)", "false", "false", "id not in (1, 7)"},
      {"auth.tenant is null", "true", "true", "true"},
      {"auth.user_id is not null and gift", "false", "gift = true", "gift = true"},
      {"auth.claims.level >= 3 and status = auth.claims.plan", "false", "status = 'pro'",
       "false"},
      {"auth.claims.beta", "false", "true", "false"},
      {"auth.claims.score > 2", "false", "true", "false"},
      {"auth.claims.plan = 3", "false", "false", "false"},
      {"not auth.claims.plan = 3", "false", "false", "false"},
      {"auth.claims.nothing is null", "true", "true", "true"},
      {"status = auth.claims.level", "false", "false", "false"},
      {"weight < auth.claims.score", "false", "weight < 2.5", "false"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.rule);
    EXPECT_EQ(Left(c.rule, {}), c.nobody);
    EXPECT_EQ(Left(c.rule, Ada()), c.ada);
    EXPECT_EQ(Left(c.rule, Admin()), c.admin);
  }
}

TEST(Rule, ReadsTheWholeForm) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"status in ('open','paid') and amount < 100.5",
       "status in ('open', 'paid') and amount < 100.50"},
      {"status = 'it''s' AND NOT (gift OR note_free)",
       "does not parse: there is no field "
       "note_free"},
      {"not (status = 'a' or amount >= -1 and due is null)",
       "status <> 'a' and (amount < -1.00 or due is not null)"},
      {"not not gift", "gift = true"},
      {"not gift", "gift <> true"},
      {"gift = false", "gift = false"},
      {"100 > amount", "amount < 100.00"},
      {"amount <= paid and id = maker", "amount <= paid and id = maker"},
      {"not amount <= paid", "amount > paid"},
      {"due >= '2013-01-31'", "due >= '2013-01-31'"},
      {"_created_at < '2013-01-31T10:00:00+01:00'",
       "_created_at < '2013-01-31T09:00:00Z'"},
      {"meta is null or tags is not null", "meta is null or tags is not null"},
      {"status != 'ü'\n\tand 1 < 2", "status <> 'ü'"},
      {"status = ''", "status = ''"},
      {"weight = 1e3 or weight = -0.5", "weight = 1000 or weight = -0.5"},
      {"status = 'a' and (gift and (due is null))",
       "status = 'a' and gift = true and due is null"},
      {"'b' > 'a' and 9 < 10 and 1.5 = 1.50 and true <> false", "true"},
  };
  for (const auto& [rule, left] : cases) EXPECT_EQ(Left(rule, {}), left) << rule;
}

/// Of the problems of one rule: "offset: message" each.
std::vector<std::string> Problems(std::string_view text) {
  std::vector<std::string> out;
  const auto rule = Rule::Parse(text, Columns());
  if (rule) return out;
  for (const auto& [offset, message] : rule.error())
    out.push_back(std::to_string(offset) + ": " + message);
  return out;
}

TEST(Rule, NamesEachMistakeOfGrammarWithItsPlace) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "0: expected a field, auth, a value, not or (, got the end"},
      {"status = 'a' and", "16: expected a field, auth, a value, not or (, got the end"},
      {"status = ", "9: expected a field, auth or a value, got the end"},
      {"status == 'a'", "7: '==': equality is written ="},
      {"gift && gift", "5: '&&': write and"},
      {"!gift", "0: '!': write not"},
      {"status = \"a\"", "9: '\"': a text stands in single quotes: 'text'"},
      {"@request.auth.id = owner", "0: '@': who asks is auth: auth.user_id, auth.role"},
      {"amount + 1 > 2", "7: '+': there is no arithmetic here"},
      {"status = ä", "9: 'ä' begins nothing that a rule knows"},
      {"status = 'a", "9: the text that begins here has no end: '"},
      {"(gift", "5: expected and, or or ), got the end"},
      {"gift)", "4: expected and, or or the end, got ')'"},
      {"status",
       "0: status (text) is no condition: a comparison must follow, as in = "
       "'a', in ('a', 'b') or is null"},
      {"status like 'a'",
       "0: status (text) is no condition: a comparison must follow, "
       "as in = 'a', in ('a', 'b') or is null"},
      {"gift gift", "5: expected and, or or the end, got 'gift'"},
      {"status is 'a'", "10: expected null or not null, got 'a'"},
      {"status is not 'a'", "14: expected null, got 'a'"},
      {"status not = 'a'", "11: expected in, got '='"},
      {"status in 'a'", "10: expected a list, such as ('a', 'b'), got 'a'"},
      {"status in ()", "11: expected a value, got ')'"},
      {"status in ('a' 'b')", "15: expected , or ), got 'b'"},
      {"status = null", "7: nothing compares with null: write is null"},
      {"status <> null", "7: nothing differs from null: write is not null"},
      {"status = and", "9: expected a field, auth or a value, got 'and'"},
      {"auth = 'a'", "5: expected auth.user_id, auth.role or another part, got '='"},
      {"auth.rol = 'a'", "5: auth has no part 'rol'; did you mean role?"},
      {"auth.email = 'a'",
       "5: auth has no part 'email'; it has authenticated, user_id, "
       "role, tenant, key_id and claims.NAME"},
      {"auth.claims = 'a'",
       "12: expected the name of a claim, as in auth.claims.plan, "
       "got '='"},
  };
  for (const auto& [rule, problem] : cases)
    EXPECT_THAT(Problems(rule), ElementsAre(std::string(problem))) << rule;
}

TEST(Rule, IsCheckedAgainstTheFields) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"staus = 'a'", "0: there is no field staus; did you mean status?"},
      {"nonsense = 'a'", "0: there is no field nonsense"},
      {"amount = '5'",
       "9: amount (decimal(10,2)) cannot be compared with the text '5': "
       "write a number, without quotes"},
      {"status < 5",
       "9: status (text) cannot be compared with the number 5: write it in "
       "single quotes"},
      {"gift = 'true'",
       "7: gift (boolean) cannot be compared with the text 'true': "
       "write true or false, without quotes"},
      {"gift < true", "7: true and false have no order: only = and <> can be asked"},
      {"5 = status",
       "4: status (text) cannot be compared with the number 5: write it in "
       "single quotes"},
      {"meta = 'a'", "7: meta (json) knows only is null and is not null"},
      {"'a' in (tags)", "8: tags (text[]) knows only is null and is not null"},
      {"amount = fee",
       "9: amount (decimal(10,2)) cannot be compared with fee "
       "(decimal(10,3))"},
      {"due = _created_at",
       "6: due (date) cannot be compared with _created_at "
       "(timestamp)"},
      {"auth.authenticated = 'yes'",
       "21: auth.authenticated cannot be compared with the "
       "text 'yes': write true or false, without quotes"},
      {"auth.user_id = 5",
       "15: auth.user_id cannot be compared with the number 5: write "
       "it in single quotes"},
      {"gift = auth.role", "7: gift (boolean) cannot be compared with auth.role"},
      {"'a' = 5",
       "6: the text 'a' cannot be compared with the number 5: write it in "
       "single quotes"},
  };
  for (const auto& [rule, problem] : cases)
    EXPECT_THAT(Problems(rule), ElementsAre(std::string(problem))) << rule;
  EXPECT_THAT(Problems("amount < 1.234"),
              ElementsAre(HasSubstr("9: amount (decimal(10,2)): ")));
  EXPECT_THAT(Problems("due < 'soon'"),
              ElementsAre(HasSubstr("6: due (date): 'soon' is not a date")));
  EXPECT_THAT(Problems("id in (1, 2.5)"),
              ElementsAre(HasSubstr("10: id (bigint): must")));
}

TEST(Rule, KeepsEveryProblemOfNamesAndTypes) {
  EXPECT_THAT(Problems("ownr = 'a' or amount = 'x' and gift = 1 or"),
              ElementsAre(HasSubstr("0: there is no field ownr"), HasSubstr("23: amount"),
                          HasSubstr("38: gift"), HasSubstr("42: expected")));
}

TEST(Rule, HasBounds) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "gift" + std::string(depth, ')');
  };
  EXPECT_THAT(Problems(nested(kMaxRuleDepth)), ElementsAre());
  EXPECT_THAT(Problems(nested(kMaxRuleDepth + 1)),
              ElementsAre("32: a rule is at most 32 parentheses and nots deep"));
  EXPECT_THAT(Problems(nested(900)), ElementsAre(HasSubstr("32: a rule is at most 32")));
  std::string nots;
  for (int i = 0; i < 40; ++i) nots += "not ";
  EXPECT_THAT(Problems(nots + "gift"), ElementsAre(HasSubstr("a rule is at most 32")));
  EXPECT_THAT(Problems(std::string(kMaxRuleBytes, ' ')),
              ElementsAre(HasSubstr("expected")));
  EXPECT_THAT(Problems(std::string(kMaxRuleBytes + 1, ' ')),
              ElementsAre("2000: a rule has at most 2000 bytes, this one 2001"));
  std::string list = "id in (0";
  for (int i = 1; i < 201; ++i) list += "," + std::to_string(i);
  EXPECT_THAT(Problems(list + ")"),
              ElementsAre(HasSubstr("a list has at most 200 values")));
}

/// Whatever remains is a rule that says the same.
TEST(Rule, WhatItLeavesReadsBack) {
  for (const std::string_view text :
       {"status in ('it''s', 'b') and (gift or not due < '2013-01-31')",
        "not (amount < paid and owner = auth.user_id) or meta is null",
        "id not in (1, 2) and auth.claims.level > 2", "false"}) {
    const auto left = Left(text, Ada());
    EXPECT_EQ(Left(left, {}), left) << text;
  }
}

TEST(Rule, SaysWhatItDecidesForEveryoneSignedIn) {
  struct Case {
    std::string_view rule;
    std::optional<bool> everyone, admin;
  };
  constexpr Case kCases[] = {
      {"true", true, true},
      {"owner = auth.user_id", {}, {}},
      {"owner = auth.user_id or auth.role = 'admin'", {}, true},
      {"auth.authenticated or gift", true, true},
      {"not auth.authenticated and gift", false, false},
      {"auth.role in ('staff', 'admin')", {}, true},
      {"auth.role not in ('staff', 'admin') and gift", {}, false},
      {"auth.claims.plan is null", {}, {}},
      {"auth.role <> auth.tenant", {}, {}},
      {"gift or not (1 = 2)", true, true},
      {"gift", {}, {}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.rule);
    const auto rule = Rule::Parse(c.rule, Columns());
    ASSERT_TRUE(rule.has_value());
    EXPECT_EQ(rule->Decided({}), c.everyone);
    EXPECT_EQ(rule->Decided("admin"), c.admin);
  }
}

TEST(Rule, SaysWhatItAsks) {
  const auto parse = [](std::string_view text) {
    return Rule::Parse(text, Columns()).value();
  };
  EXPECT_FALSE(parse("gift and status = 'a'").AsksWho());
  EXPECT_TRUE(parse("gift or not (status = auth.claims.plan)").AsksWho());
  EXPECT_TRUE(parse("id in (1, auth.user_id)").AsksWho());
  EXPECT_THAT(parse("auth.role = 'a' or not auth.role in ('b', 'a') or 'c' = auth.role "
                    "or auth.role = '' or "
                    "status = 'd'")
                  .Roles(),
              ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace millrace::query
