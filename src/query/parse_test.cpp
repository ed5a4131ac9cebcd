#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/query.hpp"

namespace millrace::query {
namespace {

using schema::Kind;
using schema::Type;
using testing::ElementsAre;
using testing::HasSubstr;

schema::Columns Columns() {
  return {{"id", Type::Simple(Kind::kBigint)},
          {"status", Type::Simple(Kind::kText)},
          {"amount", Type::Decimal(10, 2)},
          {"due", Type::Simple(Kind::kDate)},
          {"gift", Type::Simple(Kind::kBoolean)},
          {"meta", Type::Simple(Kind::kJson)},
          {"tags", Type::Parse("text[]").value()},
          {"_created_at", Type::Simple(Kind::kTimestamp)}};
}

Result<Query> Read(std::string_view raw) {
  return Parse(raw, "orders", Columns(), "id", {"at_least"});
}

std::string Listed(const Error& error) {
  std::string out;
  for (const auto& field : error.fields())
    out += field.pointer + ": " + field.message + "\n";
  return out;
}

TEST(Parse, GivesDefaultsForNothing) {
  const auto query = Read("");
  ASSERT_TRUE(query.has_value());
  EXPECT_TRUE(query->filters.empty());
  EXPECT_THAT(query->order, ElementsAre(Order{0, false}));
  EXPECT_EQ(query->limit, 100u);
  EXPECT_TRUE(query->after.empty());
}

TEST(Parse, ReadsTheWholeForm) {
  const auto query = Read(
      "status=eq.shipped&amount=gte.10&amount=lt.20.5&order=_created_at.desc,amount&"
      "limit=50"
      "&at_least=00ff");
  ASSERT_TRUE(query.has_value()) << Listed(query.error());
  EXPECT_THAT(query->filters, ElementsAre(Filter{1, Op::kEq, false, {"\"shipped\""}},
                                          Filter{2, Op::kGte, false, {"\"10.00\""}},
                                          Filter{2, Op::kLt, false, {"\"20.50\""}}));
  EXPECT_THAT(query->order,
              ElementsAre(Order{7, true}, Order{2, false}, Order{0, false}));
  EXPECT_EQ(query->limit, 50u);
  EXPECT_EQ(query->extra.find("at_least")->second, "00ff");
}

TEST(Parse, ReadsEachOperator) {
  const std::pair<std::string_view, Filter> cases[] = {
      {"id=neq.1", {0, Op::kNeq, false, {"1"}}},
      {"id=gt.-1", {0, Op::kGt, false, {"-1"}}},
      {"id=lte.1", {0, Op::kLte, false, {"1"}}},
      {"id=not.eq.1", {0, Op::kEq, true, {"1"}}},
      {"id=in.(3,1,2,1)", {0, Op::kIn, false, {"1", "2", "3"}}},
      {"id=not.in.(1)", {0, Op::kIn, true, {"1"}}},
      {"status=in.(a,%22b,c%22,%22d%5C%22%22)",
       {1, Op::kIn, false, {R"("a")", R"("b,c")", R"("d\"")"}}},
      {"status=in.(a,)", {1, Op::kIn, false, {R"("")", R"("a")"}}},
      {"status=is.null", {1, Op::kIsNull, false, {}}},
      {"status=is.not_null", {1, Op::kIsNull, true, {}}},
      {"status=not.is.null", {1, Op::kIsNull, true, {}}},
      {"status=not.is.not_null", {1, Op::kIsNull, false, {}}},
      {"meta=is.null", {5, Op::kIsNull, false, {}}},
      {"status=like.a*b%25", {1, Op::kLike, false, {R"("a*b%")"}}},
      {"status=not.ilike.*X", {1, Op::kILike, true, {R"("*X")"}}},
      {"status=eq.", {1, Op::kEq, false, {R"("")"}}},
      {"status=eq.null", {1, Op::kEq, false, {R"("null")"}}},
      {"status=eq.a.b,c(d)", {1, Op::kEq, false, {"\"a.b,c(d)\""}}},
      {"status=eq.a+b%2B%26%3D%c3%a4", {1, Op::kEq, false, {R"("a b+&=ä")"}}},
      {"st%61tus=eq.x", {1, Op::kEq, false, {R"("x")"}}},
      {"due=eq.2013-01-31", {3, Op::kEq, false, {R"("2013-01-31")"}}},
      {"gift=eq.true", {4, Op::kEq, false, {"true"}}},
      {"_created_at=gt.2013-01-31T00:00:00%2B01:00",
       {7, Op::kGt, false, {R"("2013-01-30T23:00:00Z")"}}},
      {"&&id=eq.1&", {0, Op::kEq, false, {"1"}}},
  };
  for (const auto& [raw, want] : cases) {
    SCOPED_TRACE(raw);
    const auto query = Read(raw);
    ASSERT_TRUE(query.has_value()) << Listed(query.error());
    EXPECT_THAT(query->filters, ElementsAre(want));
  }
}

TEST(Parse, RefusesWithTheWayOut) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"stauts=eq.x",
       "stauts: is not a field of orders, nor order, limit or cursor; did "
       "you mean status?"},
      {"limt=5", "did you mean limit?"},
      {"atleast=5", "did you mean at_least?"},
      {"status=shipped",
       "status: 'shipped' has no operator, as in eq.value (operators are"},
      {"status=", "has no operator"},
      {"status", "has no operator"},
      {"status=equals.x", "'equals' is not an operator (operators are eq, neq"},
      {"status=ge.x", "did you mean gt"},
      {"status=not.x", "has no operator"},
      {"status=not.not.eq.x", "'not' is not an operator"},
      {"id=eq.x", "id: must be a whole number of 64 bits, not 'x'"},
      {"id=eq.9223372036854775808", "64 bits"},
      {"id=eq.null", "64 bits"},
      {"id=eq.1]", "64 bits"},
      {"amount=eq.1.234", "more than 2 digits after"},
      {"due=eq.2013-02-30", "is not a date"},
      {"gift=is.true", "is.null and is.not_null"},
      {"id=in.1,2", "write in.(a,b"},
      {"id=in.()", "write in.(a,b"},
      {"id=in.(1", "write in.(a,b"},
      {"status=in.(%22a)", "write in.(a,b"},
      {"status=in.(%22a%22b)", "write in.(a,b"},
      {"id=in.(1,x)", "'x'"},
      {"id=like.1*", "like and ilike are for text, this is bigint"},
      {"status=like.***********", "at most 10"},
      {"meta=eq.1", "only is.null"},
      {"tags=eq.[]", "is text[]: only is.null"},
      {"status=eq.%", "a % without two hex digits"},
      {"status=eq.%4", "a % without two hex digits"},
      {"status=eq.%zz", "a % without two hex digits"},
      {"status=eq.%ff", "must be a string"},
      {"status=eq.%00", "NUL"},
      {"%ff=eq.1", "'?': is not a field"},
      {"limit=0", "limit: must be a whole number from 1 to 1000, not '0'"},
      {"limit=1001", "from 1 to 1000"},
      {"limit=ten", "from 1 to 1000"},
      {"limit=5&limit=6", "limit: is given twice"},
      {"order=nope", "order: 'nope' is not a field of orders"},
      {"order=", "order: '' is not a field"},
      {"order=amount,", "order: '' is not a field"},
      {"order=amout.desc", "did you mean amount?"},
      {"order=amount.down", "write amount.asc or .desc"},
      {"order=amount.desc.nullslast", "nulls come last"},
      {"order=amount,amount.desc", "amount is given twice"},
      {"order=meta", "meta is json, which has no order"},
      {"order=tags", "has no order"},
      {"cursor=", "cursor: is empty"},
      {"cursor=abc", "cursor: is not a next_cursor of this query"},
  };
  for (const auto& [raw, want] : cases) {
    SCOPED_TRACE(raw);
    const auto query = Read(raw);
    ASSERT_FALSE(query.has_value());
    EXPECT_EQ(query.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(Listed(query.error()), HasSubstr(want));
  }
}

TEST(Parse, NamesEveryBadParameter) {
  const auto query = Read("status=x&limit=0&order=nope&id=eq.1&other=eq.1");
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().message(), "4 bad parameters");
  EXPECT_EQ(query.error().fields().size(), 4u);
}

TEST(Parse, BoundsTheNumberOfFilters) {
  std::string raw;
  for (int i = 0; i < 50; ++i) raw += "&id=gt.1";
  EXPECT_TRUE(Read(raw).has_value());
  EXPECT_FALSE(Read(raw + "&id=gt.1").has_value());
}

TEST(Parse, CutsTheOrderAtTheKey) {
  EXPECT_THAT(Read("order=amount,id.desc,status")->order,
              ElementsAre(Order{2, false}, Order{0, true}));
  EXPECT_THAT(Read("order=amount.desc")->order,
              ElementsAre(Order{2, true}, Order{0, true}));
}

TEST(Cursor, GoesOnWhereTheRowWas) {
  const auto query = Read("status=eq.a&amount=gt.1&order=amount.desc,due");
  ASSERT_TRUE(query.has_value());
  const auto cursor = EncodeCursor(
      *query, Columns(),
      R"({"id":7,"status":"a","amount":"12.50","due":null,"_created_at":"x"})");
  const auto next =
      Read("limit=5&amount=gt.1.0&order=amount.desc,due&status=eq.a&cursor=" + cursor);
  ASSERT_TRUE(next.has_value()) << Listed(next.error());
  EXPECT_THAT(next->after, ElementsAre("\"12.50\"", "null", "7"));
  EXPECT_EQ(EncodeCursor(*next, next->after), cursor);
}

TEST(Cursor, GoesOnAtDatesThatOnlySqlCanCompute) {
  const auto query = Read("order=due");
  for (const auto* due : {"\"12013-01-31\"", "\"-0043-03-15\"", "\"0000-12-31\"",
                          "\"infinity\"", "\"-infinity\""}) {
    const auto next = Read("order=due&cursor=" + EncodeCursor(*query, {due, "7"}));
    ASSERT_TRUE(next.has_value()) << due << Listed(next.error());
    EXPECT_THAT(next->after, ElementsAre(due, "7"));
  }
  for (const auto* due : {"\"12013-01-31' OR\"", "\"2013-02-31\"", "\"NaN\"", "\"12013\"",
                          "\"\"", "-12013"}) {
    EXPECT_FALSE(Read("order=due&cursor=" + EncodeCursor(*query, {due, "7"}))) << due;
  }
}

TEST(Cursor, OfAnotherQueryIsRefused) {
  const auto query = Read("status=eq.a&order=amount");
  const auto cursor = EncodeCursor(*query, {"\"1.00\"", "7"});
  EXPECT_TRUE(Read("status=eq.a&order=amount&cursor=" + cursor).has_value());
  for (const auto* raw :
       {"status=eq.b&order=amount", "status=neq.a&order=amount",
        "status=not.eq.a&order=amount", "order=amount", "status=eq.a&order=amount.desc",
        "status=eq.a", "status=eq.a&order=due", "status=eq.a&order=amount&id=gt.1"}) {
    EXPECT_THAT(Listed(Read(std::string(raw) + "&cursor=" + cursor).error()),
                HasSubstr("cursor: is not"))
        << raw;
  }
  EXPECT_FALSE(
      Parse("status=eq.a&order=amount&cursor=" + cursor, "other", Columns(), "id"));
}

/// Where no column tells rows apart the store does; then the last one may be null.
TEST(Cursor, HasWhatTheStorePutBehindTheOrder) {
  const auto query = Read("order=amount");
  const std::vector<std::string> last{"\"1.00\"", "null", "\"part-1\"", "8"};
  const auto next = Read("order=amount&cursor=" + EncodeCursor(*query, last));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->after, last);
}

TEST(Cursor, EveryChangedCharacterIsSeen) {
  const auto query = Read("order=amount");
  const auto cursor = EncodeCursor(*query, {"\"1.00\"", "7"});
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Read("order=amount&cursor=" + changed).has_value()) << i;
    EXPECT_FALSE(Read("order=amount&cursor=" + cursor.substr(0, i)).has_value()) << i;
  }
}

TEST(Cursor, ForgedWithARightSumIsStillChecked) {
  const auto query = Read("order=amount");
  const std::vector<std::vector<std::string>> forged = {{"\"1.00\"", "null"},
                                                        {"\"1.00\"", "x"},
                                                        {"1", "7"},
                                                        {"\"1.0\"", "7"},
                                                        {"\"", "7"},
                                                        {"", "7"},
                                                        {"\"1.00\""},
                                                        {},
                                                        {"\"1.00\"", "7 OR 1=1"}};
  for (const auto& literals : forged) {
    EXPECT_FALSE(
        Read("order=amount&cursor=" + EncodeCursor(*query, literals)).has_value());
  }
}

}  // namespace
}  // namespace millrace::query
