#include "query/match.hpp"

#include <gtest/gtest.h>

#include "query/query.hpp"

namespace millrace::query {
namespace {

using schema::Kind;
using schema::Type;

schema::Columns Columns() {
  return {
      {"id", Type::Simple(Kind::kBigint)},     {"name", Type::Simple(Kind::kText)},
      {"amount", Type::Decimal(10, 2)},        {"due", Type::Simple(Kind::kDate)},
      {"weight", Type::Simple(Kind::kDouble)}, {"gift", Type::Simple(Kind::kBoolean)},
      {"paid", Type::Decimal(10, 2)},          {"tags", Type::Parse("text[]").value()}};
}

constexpr std::string_view kDocument =
    R"({"id":7,"name":"Änne \"A\"","amount":"9.50","due":"2013-01-31","weight":2.5,)"
    R"("gift":false,"paid":"10.00","tags":["a"]})";

/// The filters of a list request as one condition.
Condition Filters(std::string_view raw) {
  const auto query = Parse(raw, "t", Columns(), "id");
  EXPECT_TRUE(query.has_value()) << raw;
  std::vector<Condition> parts;
  for (const auto& filter : query.value_or(Query()).filters)
    parts.push_back(Condition::Of(filter));
  return Condition::All(std::move(parts));
}

bool Matches(const Condition& condition, std::string_view document = kDocument) {
  return Matcher(condition, Columns()).Matches(document);
}

TEST(Matcher, ComparesAsTheStoreDoes) {
  struct Case {
    std::string_view filters;
    bool matches;
  };
  constexpr Case kCases[] = {
      {"", true},
      {"amount=eq.9.5", true},
      {"amount=lt.10", true},  // "9.50" > "10.00" as text
      {"amount=gt.-1", true},
      {"amount=neq.9.5", false},
      {"amount=not.eq.9.5", false},
      {"amount=in.(1,9.50)", true},
      {"amount=not.in.(1,2)", true},
      {"id=gte.7&id=lte.7", true},
      {"id=gt.7", false},
      {"weight=lt.2.51", true},
      {"due=gt.2012-12-31", true},
      {"gift=eq.false", true},
      {"gift=eq.true", false},
      {"name=eq.%C3%84nne \"A\"", true},
      {"name=eq.%C3%A4nne \"a\"", false},
      {"tags=is.not_null", true},
      {"name=is.null", false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Matches(Filters(c.filters)), c.matches) << c.filters;
  }
}

TEST(Matcher, KnowsPatterns) {
  struct Case {
    std::string_view text;
    std::string_view pattern;
    bool like;
    bool ilike;
  };
  constexpr Case kCases[] = {
      {"abcabd", "a*d", true, true},      {"abcabd", "*abd", true, true},
      {"abcabd", "abc*", true, true},     {"abcabd", "ABC*", false, true},
      {"abcabd", "a*c", false, false},    {"abcabd", "*", true, true},
      {"abcabd", "**b**", true, true},    {"abcabd", "abcab_", false, false},
      {"a?c", "a?c", true, true},         {"a%c", "a%c", true, true},
      {"ÄB", "äb", false, false},         {"", "*", true, true},
      {"abc", "abcd", false, false},      {"abc", "abcd*", false, false},
      {"aaaaaaab", "*a*a*b", true, true}, {"aaaaaaab", "*a*a*c", false, false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.text) + " " + std::string(c.pattern));
    const auto document = R"({"id":1,"name":")" + std::string(c.text) + "\"}";
    const auto quoted = '"' + std::string(c.pattern) + '"';
    EXPECT_EQ(Matches(Condition::Of({1, Op::kLike, false, {quoted}}), document), c.like);
    EXPECT_EQ(Matches(Condition::Of({1, Op::kILike, false, {quoted}}), document),
              c.ilike);
  }
}

TEST(Matcher, ANullFulfilsNothingButIsNull) {
  for (const std::string_view document :
       {R"({"id":1,"amount":null,"paid":"1.00"})", R"({"id":1,"paid":"1.00"})",
        R"({"id":1,"amount":true,"paid":"1.00"})"}) {  // from before a change of its type
    SCOPED_TRACE(document);
    for (const auto* filter : {"amount=eq.1", "amount=neq.1", "amount=not.eq.1",
                               "amount=not.in.(1)", "amount=is.not_null"}) {
      EXPECT_FALSE(Matches(Filters(filter), document)) << filter;
    }
    EXPECT_TRUE(Matches(Filters("amount=is.null"), document));
    for (const bool negated : {false, true}) {
      Condition columns{Condition::Kind::kColumns, {}, {2, Op::kEq, negated, {}}, 6};
      EXPECT_FALSE(Matches(columns, document));
      std::swap(columns.filter.column, columns.other);
      EXPECT_FALSE(Matches(columns, document));
    }
  }
}

TEST(Matcher, ComparesColumnsAndJoinsParts) {
  const Condition less{Condition::Kind::kColumns, {}, {2, Op::kLt, false, {}}, 6};
  EXPECT_TRUE(Matches(less));
  const auto no = Filters("id=eq.8");
  EXPECT_TRUE(Matches(Condition::Any({no, less})));
  EXPECT_FALSE(Matches(Condition::All({no, less})));
  EXPECT_FALSE(Matches(Condition::Never()));
  EXPECT_TRUE(Matches(Condition::Always()));
}

TEST(Condition, IsJoinedInItsShortestForm) {
  const auto one = Filters("id=eq.1");
  const auto two = Filters("id=eq.2");
  EXPECT_EQ(Condition::All({}), Condition::Always());
  EXPECT_EQ(Condition::Any({}), Condition::Never());
  EXPECT_EQ(Condition::All({one, Condition::Always()}), one);
  EXPECT_EQ(Condition::Any({one, Condition::Never()}), one);
  EXPECT_TRUE(Condition::All({one, Condition::Never(), two}).never());
  EXPECT_TRUE(Condition::Any({one, Condition::Always()}).always());
  EXPECT_EQ(Condition::Any({Condition::Any({one, two}), two}).parts.size(), 3u);
}

TEST(Condition, ReadsAsRulesAreWritten) {
  const auto both = Filters("amount=not.lt.9.5&name=in.(o'k,b)");
  const Condition columns{Condition::Kind::kColumns, {}, {2, Op::kLte, false, {}}, 6};
  const auto any = Condition::Any({both, columns, Filters("due=is.not_null")});
  EXPECT_EQ(ToText(any, Columns()),
            "not amount < 9.50 and name in ('b', 'o''k') or amount <= paid or due is not "
            "null");
  EXPECT_EQ(ToText(Condition::All({any, Filters("gift=eq.true")}), Columns()),
            "(not amount < 9.50 and name in ('b', 'o''k') or amount <= paid or due is "
            "not null) and gift = true");
  EXPECT_EQ(ToText(Condition::Never(), Columns()), "false");
}

}  // namespace
}  // namespace millrace::query
