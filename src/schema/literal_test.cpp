#include "literal.hpp"

#include <gtest/gtest.h>

#include "schema/record_codec.hpp"
#include "testing_orders.hpp"

namespace millrace::schema {
namespace {

TEST(FindMember, FindsTopLevelMembersOnly) {
  constexpr std::string_view kDocument =
      R"({"a":{"b":1},"b":"x\"},\\","c":[{"d":2}],"d":null,"e":"","f\"":3,"g":-1.5})";
  const std::pair<std::string_view, std::string_view> cases[] = {{"a", R"({"b":1})"},
                                                                 {"b", R"("x\"},\\")"},
                                                                 {"c", R"([{"d":2}])"},
                                                                 {"d", "null"},
                                                                 {"e", R"("")"},
                                                                 {"g", "-1.5"},
                                                                 {"f\\\"", "3"},
                                                                 {"h", ""},
                                                                 {"", ""}};
  for (const auto& [name, want] : cases)
    EXPECT_EQ(FindMember(kDocument, name), want) << name;
  EXPECT_EQ(FindMember("{}", "a"), "");
  EXPECT_EQ(FindMember("", "a"), "");
  for (std::size_t cut = 0; cut < kDocument.size(); ++cut) {
    FindMember(kDocument.substr(0, cut), "zz");  // stays inside what is left
  }
}

TEST(TextOf, UndoesTheEscapes) {
  EXPECT_EQ(TextOf(R"("a\"\\\n\u001fü")"), "a\"\\\n\x1fü");
  EXPECT_EQ(TextOf("42"), "42");
}

bool Less(const SortValue& a, const SortValue& b) {
  EXPECT_EQ(a.tag, b.tag);
  if (a.tag == SortValue::Tag::kInteger) return a.integer < b.integer;
  if (a.tag == SortValue::Tag::kReal) return a.real < b.real;
  return a.text < b.text;
}

TEST(ToSortValue, OrdersAsTheValuesDo) {
  const std::pair<std::string_view, std::vector<std::string_view>> cases[] = {
      {"boolean", {"false", "true"}},
      {"integer", {"-2", "-1", "0", "5"}},
      {"bigint", {"-9223372036854775808", "0", "9223372036854775807"}},
      {"double", {"-1e+300", "-0.5", "0", "1e-300", "2"}},
      {"decimal(38,2)",
       {R"("-999999999999999999999999999999999999.99")", R"("-10.00")", R"("-9.99")",
        R"("0.00")", R"("0.01")", R"("9.99")", R"("10.00")",
        R"("999999999999999999999999999999999999.99")"}},
      {"date", {R"("0001-01-01")", R"("1969-12-31")", R"("2013-01-31")"}},
      {"timestamp",
       {R"("1969-12-31T23:59:59.999999Z")", R"("1970-01-01T00:00:00Z")",
        R"("1970-01-01T00:00:00.000001Z")"}},
      {"text", {R"("")", R"("\u0001")", R"("A")", R"("\\")", R"("a")", R"("ä")"}},
      {"bytes", {R"("")", R"("AA==")", R"("AAA=")", R"("/w==")"}},
  };
  for (const auto& [name, literals] : cases) {
    SCOPED_TRACE(name);
    const auto type = Type::Parse(name).value();
    for (std::size_t i = 1; i < literals.size(); ++i) {
      EXPECT_TRUE(Less(ToSortValue(type, literals[i - 1]).value(),
                       ToSortValue(type, literals[i]).value()))
          << literals[i - 1] << " < " << literals[i];
    }
    EXPECT_EQ(ToSortValue(type, "null")->tag, SortValue::Tag::kNull);
  }
}

TEST(ToSortValue, RefusesWhatIsNotOfTheType) {
  EXPECT_FALSE(ToSortValue(Type::Simple(Kind::kBigint), "\"x\"").has_value());
  EXPECT_FALSE(ToSortValue(Type::Simple(Kind::kDate), "5").has_value());
}

}  // namespace
}  // namespace millrace::schema
