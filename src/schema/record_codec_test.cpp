#include "schema/record_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing_orders.hpp"

namespace millrace::schema {
namespace {

using testing::HasSubstr;

const RecordCodec& Codec() {
  static const RecordCodec kCodec{Orders()};
  return kCodec;
}

Result<std::vector<Draft>> Parse(std::string_view body, std::size_t max_records = 10) {
  bool batch = false;
  return Codec().ParseCreates(Padded(body), max_records, &batch);
}

/// Literal of `name` in the record {"order_id":"a","amount":1,<member>}.
Result<std::string> LiteralOf(std::string_view name, std::string_view member) {
  std::string body = R"({"order_id":"a","amount":1)";
  if (!member.empty()) body.append(",").append(member);
  MR_TRY(const auto drafts, Parse(body + "}"));
  return std::string(FindMember(drafts.at(0).json, name));
}

TEST(ParseCreates, WritesTheCanonicalForm) {
  const auto drafts = Parse(R"( { "amount" : 12.5 , "order_id" : "o-1",
    "items": [ {"price": "3", "sku": "a"}, {} ], "meta": { "b" : [ 1.50, {"a": null} ] },
    "placed_at": "2013-01-01 05:00:00+02:00" } )");
  ASSERT_TRUE(drafts.has_value()) << Listed(drafts.error());
  ASSERT_EQ(drafts->size(), 1u);
  EXPECT_EQ(drafts->at(0).key, "o-1");
  EXPECT_EQ(drafts->at(0).json,
            R"({"order_id":"o-1","status":"new","amount":"12.50","quantity":null,)"
            R"("customer":null,"weight":null,"gift":null,"due":null,)"
            R"("placed_at":"2013-01-01T03:00:00Z","trace":null,"photo":null,"note":null,)"
            R"("meta":{"b":[1.50,{"a":null}]},)"
            R"("items":[{"sku":"a","price":"3.00"},{"sku":null,"price":null}],)"
            R"("shipping":null})");
}

TEST(ParseCreates, TakesABatchAndSaysSo) {
  bool batch = false;
  const auto many = Codec().ParseCreates(
      Padded(R"([{"order_id":"a","amount":1},{"order_id":"b","amount":2}])"), 2, &batch);
  ASSERT_TRUE(many.has_value());
  EXPECT_TRUE(batch);
  EXPECT_EQ(many->size(), 2u);
  EXPECT_EQ(many->at(1).key, "b");
  const auto one =
      Codec().ParseCreates(Padded(R"({"order_id":"a","amount":1})"), 2, &batch);
  ASSERT_TRUE(one.has_value());
  EXPECT_FALSE(batch);
  const auto body = R"([{"order_id":"a","amount":1},{"order_id":"b","amount":2},)"
                    R"({"order_id":"c","amount":2}])";
  EXPECT_EQ(Parse(body, 2).error().code(), ErrorCode::kTooLarge);
}

TEST(ParseCreates, NamesEveryBadField) {
  const auto refused = Parse(R"([{"order_id":"a","amount":1},
    {"order_id":7,"stauts":"x","amount":2000,"_version":"1","quantity":1.5,
     "items":[{"sku":1},{"skew":"x"}],"weight":"1"},
    3,
    {"amount":null}])");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      Listed(refused.error()),
      "/1/order_id: must be a string, not a number\n"
      "/1/stauts: is not a field of orders; did you mean status?\n"
      "/1/amount: must be at most 1000.00\n"
      "/1/_version: is set by the server, names with _ are not for bodies\n"
      "/1/quantity: must be a whole number from -2147483648 to 2147483647, not '1.5'\n"
      "/1/items/0/sku: must be a string, not a number\n"
      "/1/items/1/skew: is not a field of this object\n"
      "/1/weight: must be a number that a double can hold, not a string\n"
      "/2: must be an object\n"
      "/3/amount: must not be null\n"
      "/3/order_id: is required\n");
  EXPECT_EQ(refused.error().message(), "11 bad fields");
}

TEST(ParseCreates, ListsAtMostAHundred) {
  std::string body = "{";
  for (int i = 0; i < 5000; ++i) body += "\"f" + std::to_string(i) + "\":1,";
  const auto refused = Parse(body + R"("order_id":"a","amount":1})");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fields().size(), 100u);
  EXPECT_EQ(refused.error().message(), "5000 bad fields, the first 100 of them listed");
}

TEST(ParseCreates, ReadsOrRefusesEachValue) {
  struct Case {
    std::string_view field;
    std::string_view value;
    std::string_view want;  // literal, or part of the message after '!'
  };
  constexpr Case kCases[] = {
      {"status", R"("paid")", R"("paid")"},
      {"status", "null", "null"},
      {"status", R"("lost")", "!one of new, paid, shipped"},
      {"status", "true", "!not a boolean"},
      {"amount", "0", R"("0.00")"},
      {"quantity", "1", "1"},
      {"quantity", "0", "!at least 1"},
      {"quantity", "1.0", "!whole number"},
      {"quantity", "1e2", "!whole number"},
      {"quantity", "2147483647", "2147483647"},
      {"quantity", "2147483648", "!2147483647"},
      {"quantity", R"("1")", "!not a string"},
      {"quantity", "-0", "!at least 1"},
      {"customer", "9223372036854775807", "9223372036854775807"},
      {"customer", "-9223372036854775808", "-9223372036854775808"},
      {"customer", "9223372036854775808", "!64 bits"},
      {"customer", "123456789012345678901234567890", "!64 bits"},
      {"customer", "01", "!64 bits"},
      {"customer", "-", "!64 bits"},
      {"customer", "1x", "!64 bits"},
      {"weight", "5", "5"},
      {"weight", "1E1", "10"},
      {"weight", "-0.0", "-0"},
      {"weight", "0.30000000000000004", "0.30000000000000004"},
      {"weight", "1e400", "!double"},
      {"weight", "99.6", "!at most 99.5"},
      {"weight", "NaN", "!not valid JSON"},
      {"weight", "Infinity", "!not valid JSON"},
      {"weight", "-Infinity", "!double"},
      {"gift", "true", "true"},
      {"gift", "false", "false"},
      {"gift", "1", "!true or false, not a number"},
      {"gift", "tru", "!not valid JSON"},
      {"gift", "nul", "!not valid JSON"},
      {"due", R"("2013-01-31")", R"("2013-01-31")"},
      {"due", R"("1999-12-31")", "!at least 2000-01-01"},
      {"due", R"("2013-02-30")", "!is not a date"},
      {"due", R"("10000-01-01")", "!is not a date"},
      {"due", "20130131", "!not a number"},
      {"placed_at", R"("2013-01-01T05:00:00.5Z")", R"("2013-01-01T05:00:00.500000Z")"},
      {"placed_at", R"("2013-01-01T05:00:00")", "!is not a timestamp"},
      {"placed_at", R"("0000-01-01T00:00:00Z")", "!is not a timestamp"},
      {"trace", R"("018BCFE5-6800-7000-8000-00000000ABCD")",
       R"("018bcfe5-6800-7000-8000-00000000abcd")"},
      {"trace", R"("x")", "!is not a UUID"},
      {"photo", R"("Zm9v")", R"("Zm9v")"},
      {"photo", R"("Zm9vYmE=")", "!at most 4 bytes, has 5"},
      {"photo", R"("Zm9")", "!base64"},
      {"note", R"("hällö")", R"("hällö")"},
      {"note", R"("h")", "!at least 2 characters, has 1"},
      {"note", R"("😀😀😀😀😀")", R"("😀😀😀😀😀")"},
      {"note", R"("123456")", "!at most 5 characters, has 6"},
      {"note", R"("a\/\u00e4\n")", R"("a/ä\n")"},
      {"note", R"("\ud83d\ude00!")", R"("😀!")"},
      {"note", R"("\u001f\u007f")", "\"\\u001f\x7f\""},
      {"note", R"("ab\u0000")", "!NUL"},
      {"note", R"("ab\ud800")", "!surrogate"},
      {"note", R"("ab\udc00")", "!surrogate"},
      {"note", R"("ab\ud800\ue000")", "!surrogate"},
      {"note", R"("ab\x")", "!escape"},
      {"meta", R"(  {"a" : [ ] , "b":{ } , "c" : -1.0e5 } )",
       R"({"a":[],"b":{},"c":-1.0e5})"},
      {"meta", "null", "null"},
      {"meta", "18446744073709551616", "18446744073709551616"},
      {"meta", R"({"a":1,"a":2})", "!/meta/a: is given twice"},
      {"meta", R"({"x":[{"\u0061":1,"a":2}]})", "!/meta/x/0/a: is given twice"},
      {"meta", "[1e400]", "!/meta/0: must be JSON with numbers that a double can hold"},
      {"meta", "[NaN]", "!numbers that a double can hold"},
      {"meta", "[1,]", "!improper structure"},
      {"meta", "[1 2]", "!improper structure"},
      {"meta", R"({"a" 1})", "!improper structure"},
      {"meta", R"({"a":"b":1})", "!improper structure"},
      {"meta", R"({"a":1,})", "!improper structure"},
      {"meta", R"({1:1})", "!improper structure"},
      {"meta", R"({"\ud800":1})", "!name with a broken escape"},
      {"meta", R"({"a\u0000":1})", "!NUL"},
      {"meta", R"("\ud800")", "!surrogate"},
      {"items", "[]", "[]"},
      {"items", "[null]", "[null]"},
      {"items", R"([{"sku":"a","sku":"b"}])", "!/items/0/sku: is given twice"},
      {"items", "[{},{},{},{}]", "!at most 3 items, has 4"},
      {"items", "{}", "!must be an array, not an object"},
      {"shipping", R"({"price":1})", R"({"sku":null,"price":"1.00"})"},
      {"shipping", R"([])", "!must be an object, not an array"},
      {"shipping", R"({"price":"1.234"})", "!/shipping/price: '1.234' has more than 2"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.field) + " = " + std::string(c.value));
    std::string member = "\"" + std::string(c.field) + "\":" + std::string(c.value);
    if (c.field == "amount") member.clear();
    const auto got = LiteralOf(c.field, member);
    if (!c.want.starts_with('!')) {
      ASSERT_TRUE(got.has_value()) << Listed(got.error());
      if (c.field != "amount") {
        EXPECT_EQ(*got, c.want);
      }
    } else {
      ASSERT_FALSE(got.has_value()) << *got;
      EXPECT_EQ(got.error().code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(Listed(got.error()), HasSubstr(c.want.substr(1)));
    }
  }
}

TEST(ParseCreates, RefusesTheSameNameTwice) {
  EXPECT_EQ(Listed(Parse(R"({"order_id":"a","amount":1,"amount":2})").error()),
            "/amount: is given twice\n");
  EXPECT_EQ(Listed(Parse(R"({"order_id":"a","amount":1,"\u0061mount":2})").error()),
            "/amount: is given twice\n");
}

TEST(ParseCreates, ReadsEscapedNames) {
  const auto drafts = Parse(R"({"order\u005fid":"a","\u0061mount":1})");
  ASSERT_TRUE(drafts.has_value()) << Listed(drafts.error());
  EXPECT_EQ(drafts->at(0).key, "a");
}

TEST(ParseCreates, RefusesKeysThatAreNone) {
  const std::string long_key(513, 'k');
  const std::pair<std::string, std::string_view> cases[] = {
      {R"({"amount":1})", "is required"},
      {R"({"order_id":null,"amount":1})", "must not be null"},
      {R"({"order_id":"","amount":1})", "must not be empty"},
      {R"({"order_id":")" + long_key + R"(","amount":1})", "at most 512 bytes"}};
  for (const auto& [body, want] : cases) {
    EXPECT_THAT(Listed(Parse(body).error()), HasSubstr(want));
  }
  EXPECT_TRUE(Parse(R"({"order_id":")" + long_key.substr(1) + R"(","amount":1})"));
}

RecordCodec Generating(Kind kind, Generate generate) {
  Collection collection;
  collection.name = "events";
  collection.key = "id";
  collection.fields = {{.name = "what", .type = Type::Simple(Kind::kText)},
                       {.name = "id", .type = Type::Simple(kind), .generate = generate}};
  return RecordCodec(collection);
}

TEST(Finish, AddsTheSystemFields) {
  const auto drafts = Parse(R"({"order_id":"a\"b","amount":1})");
  ASSERT_TRUE(drafts.has_value());
  EXPECT_EQ(drafts->at(0).key, "a\"b");
  const auto document = Codec().Finish(drafts->at(0), "", 0, 1'500'000, {1, 2, 3});
  EXPECT_TRUE(document.starts_with(R"({"order_id":"a\"b","status":)"));
  EXPECT_TRUE(
      document.ends_with(R"("shipping":null,"_created_at":"1970-01-01T00:00:00Z",)"
                         R"("_updated_at":"1970-01-01T00:00:01.500000Z",)"
                         R"("_version":"00000001000000000000000200000003"})"))
      << document;
}

TEST(Finish, PutsTheGeneratedKeyInItsPlace) {
  bool batch = false;
  const auto by_number = Generating(Kind::kBigint, Generate::kSequence);
  const auto drafts = by_number.ParseCreates(Padded(R"({"what":"x"})"), 1, &batch);
  ASSERT_TRUE(drafts.has_value());
  EXPECT_EQ(drafts->at(0).key, "");
  EXPECT_TRUE(by_number.Finish(drafts->at(0), "42", 0, 0, {})
                  .starts_with(R"({"what":"x","id":42,"_created_at":)"));
  const auto by_text = Generating(Kind::kText, Generate::kObjectId);
  EXPECT_TRUE(by_text.Finish(drafts->at(0), "6553f1", 0, 0, {})
                  .starts_with(R"({"what":"x","id":"6553f1","_created_at":)"));
  const auto given = by_number.ParseCreates(Padded(R"({"id":7,"what":"x"})"), 1, &batch);
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(given->at(0).key, "7");
  EXPECT_TRUE(by_number.Finish(given->at(0), "42", 0, 0, {})
                  .starts_with(R"({"what":"x","id":7,"_created_at":)"));
  EXPECT_FALSE(by_number.ParseCreates(Padded(R"({"id":null})"), 1, &batch).has_value());
}

TEST(ParseReplace, TakesTheKeyOfTheUrl) {
  const auto absent = Codec().ParseReplace(Padded(R"({"amount":1})"), "a");
  ASSERT_TRUE(absent.has_value());
  EXPECT_EQ(absent->key, "a");
  EXPECT_TRUE(absent->json.starts_with(R"({"order_id":"a","status":"new",)"));
  EXPECT_TRUE(Codec().ParseReplace(Padded(R"({"amount":1,"order_id":"a"})"), "a"));
  const auto other = Codec().ParseReplace(Padded(R"({"amount":1,"order_id":"b"})"), "a");
  EXPECT_THAT(Listed(other.error()), HasSubstr("/order_id: must be the key in the URL"));
  EXPECT_FALSE(Codec().ParseReplace(Padded(R"([{"amount":1}])"), "a").has_value());
}

TEST(KeyLiteral, ReadsTheTextOfAUrl) {
  EXPECT_EQ(Codec().KeyLiteral("a\"b").value(), R"("a\"b")");
  EXPECT_FALSE(Codec().KeyLiteral("").has_value());
  EXPECT_FALSE(Codec().KeyLiteral(std::string(513, 'x')).has_value());
  EXPECT_FALSE(Codec().KeyLiteral("\xff").has_value());
  EXPECT_FALSE(Codec().KeyLiteral(std::string_view("a\0b", 3)).has_value());
  const auto numbers = Generating(Kind::kBigint, Generate::kSequence);
  EXPECT_EQ(numbers.KeyLiteral("42").value(), "42");
  for (const auto* bad : {"x", "042", "+1", "1.0", "1,2", "null", "1],[2", " "}) {
    EXPECT_EQ(numbers.KeyLiteral(bad).error().code(), ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(LiteralFromText, WritesTheLiteralOfEachType) {
  struct Case {
    std::string_view type;
    std::string_view text;
    std::string_view want;  // empty: refused
  };
  constexpr Case kCases[] = {
      {"text", "null", R"("null")"},
      {"text", "", R"("")"},
      {"boolean", "true", "true"},
      {"boolean", "TRUE", ""},
      {"integer", "-5", "-5"},
      {"integer", "null", ""},
      {"double", "1e5", "100000"},
      {"double", ".5", ""},
      {"decimal(10,2)", "12.5", R"("12.50")"},
      {"decimal(10,2)", "12.345", ""},
      {"date", "2013-01-31", R"("2013-01-31")"},
      {"timestamp", "2013-01-31T00:00:00+01:00", R"("2013-01-30T23:00:00Z")"},
      {"uuid", "018BCFE5-6800-7000-8000-00000000ABCD",
       R"("018bcfe5-6800-7000-8000-00000000abcd")"},
      {"bytes", "Zg==", R"("Zg==")"},
      {"json", R"({ "a": 1 })", R"({"a":1})"},
      {"json", "null", "null"},
      {"json", "{", ""},
      {"bigint[]", "[1, 2]", "[1,2]"},
      {"bigint[]", "[1, x]", ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.type) + " " + std::string(c.text));
    const auto got = RecordCodec::LiteralFromText(Type::Parse(c.type).value(), c.text);
    ASSERT_EQ(got.has_value(), !c.want.empty());
    if (got) {
      EXPECT_EQ(*got, c.want);
    }
  }
}

}  // namespace
}  // namespace millrace::schema
