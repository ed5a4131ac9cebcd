#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing_orders.hpp"

namespace millrace::schema {
namespace {

using testing::HasSubstr;

class PatchTest : public testing::Test {
 protected:
  PatchTest() : codec_(Orders()) {
    bool batch = false;
    const auto drafts =
        codec_.ParseCreates(Padded(R"({"order_id":"a","amount":1,"note":"abc",)"
                                   R"("meta":{"keep":1,"drop":2,"deep":{"x":[1],"y":2}},)"
                                   R"("shipping":{"sku":"s","price":"2.00"}})"),
                            1, &batch);
    document_ = codec_.Finish(drafts.value().at(0), "", 0, 0, {});
  }

  Result<std::string> Apply(std::string_view body) {
    MR_TRY(const auto patch, codec_.ParsePatch(Padded(body), "a"));
    return codec_.Apply(document_, patch);
  }

  RecordCodec codec_;
  std::string document_;
};

TEST_F(PatchTest, ChangesOnlyWhatItNames) {
  const auto after = Apply(R"({"amount":"2","note":null,"order_id":"a"})");
  ASSERT_TRUE(after.has_value()) << Listed(after.error());
  EXPECT_EQ(FindMember(*after, "amount"), R"("2.00")");
  EXPECT_EQ(FindMember(*after, "note"), "null");
  EXPECT_EQ(FindMember(*after, "order_id"), R"("a")");
  EXPECT_EQ(FindMember(*after, "_version"), "");
  EXPECT_EQ(FindMember(*after, "shipping"), FindMember(document_, "shipping"));
  EXPECT_EQ(Apply("{}").value(),
            document_.substr(0, document_.find(",\"_created_at\"")) + "}");
}

TEST_F(PatchTest, MergesJson) {
  const auto after = Apply(
      R"({"meta":{"drop":null,"deep":{"x":{"n":null,"m":1}},"new":{"a":null,"b":[null]}}})");
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(FindMember(*after, "meta"),
            R"({"keep":1,"deep":{"x":{"m":1},"y":2},"new":{"b":[null]}})");
  EXPECT_EQ(FindMember(Apply(R"({"meta":[1]})").value(), "meta"), "[1]");
}

TEST_F(PatchTest, MergesAndChecksObjects) {
  EXPECT_EQ(FindMember(Apply(R"({"shipping":{"price":3}})").value(), "shipping"),
            R"({"sku":"s","price":"3.00"})");
  EXPECT_EQ(FindMember(Apply(R"({"shipping":{"sku":null}})").value(), "shipping"),
            R"({"sku":null,"price":"2.00"})");
  EXPECT_THAT(Listed(Apply(R"({"shipping":{"skew":"x"}})").error()),
              HasSubstr("/shipping/skew: is not a field of this object"));
  EXPECT_THAT(Listed(Apply(R"({"shipping":{"price":true}})").error()),
              HasSubstr("/shipping/price: must be a decimal"));
}

TEST_F(PatchTest, RefusesWhatACreateWouldRefuse) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"amount":null})", "/amount: must not be null"},
      {R"({"amount":-1})", "/amount: must be at least 0.00"},
      {R"({"order_id":"b"})", "/order_id: must be the key in the URL"},
      {R"({"order_id":null})", "/order_id: must not be null"},
      {R"({"nope":1})", "/nope: is not a field"},
      {R"({"note":"a","note":"ab"})", "/note: "},
      {R"({"meta":{"a":1,"a":2}})", "/meta/a: is given twice"},
      {R"([])", "must be an object"},
      {R"({} {})", "not valid JSON"},
      {"", "not valid JSON"}};
  for (const auto& [body, want] : cases) {
    SCOPED_TRACE(body);
    const auto got = Apply(body);
    ASSERT_FALSE(got.has_value());
    EXPECT_THAT(Listed(got.error()), HasSubstr(want));
  }
}

TEST_F(PatchTest, FillsFieldsThatWereDeclaredLater) {
  const auto patch = codec_.ParsePatch(Padded(R"({"amount":5})"), "a");
  const auto after = codec_.Apply(R"({"order_id":"a","amount":"1.00","gone":1})", *patch);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(FindMember(*after, "status"), R"("new")");
  EXPECT_EQ(FindMember(*after, "amount"), R"("5.00")");
  EXPECT_EQ(FindMember(*after, "note"), "null");
  EXPECT_EQ(FindMember(*after, "gone"), "");
}

TEST_F(PatchTest, MergesVeryManyMembersQuickly) {
  std::string body = R"({"meta":{)";
  for (int i = 0; i < 20'000; ++i) {
    if (i > 0) body += ',';
    body += "\"m" + std::to_string(i) + "\":" + std::to_string(i);
  }
  body += "}}";
  document_ = Apply(body).value();
  const auto after = Apply(body);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(FindMember(FindMember(*after, "meta"), "m19999"), "19999");
}

}  // namespace
}  // namespace millrace::schema
