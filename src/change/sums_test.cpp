#include "change/sums.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::change {
namespace {

constexpr std::string_view kDocument =
    R"({"a":"x,\"}","b":[1,{"c":2}],"d":null,"_version":"01"})";

TEST(ForEachMember, SplitsADocumentAtItsTopLevel) {
  std::vector<std::string> members;
  ForEachMember(kDocument,
                [&](std::string_view member) { members.emplace_back(member); });
  EXPECT_THAT(members, testing::ElementsAre(R"("a":"x,\"}")", R"("b":[1,{"c":2}])",
                                            R"("d":null)", R"("_version":"01")"));
}

TEST(Sum, DoesNotDependOnTheOrderOfRowsButOnEveryRow) {
  Sum one, other, altered;
  one.AddChange("records", {1, 1, 0}, R"({"v":"1"})");
  one.AddChange("records", {1, 2, 0}, R"({"a":1,"v":"2"})");
  other.AddChange("records", {1, 2, 0}, R"({"a":1,"v":"2"})");
  other.AddChange("records", {1, 1, 0}, R"({"v":"1"})");
  EXPECT_EQ(one, other);
  altered.AddChange("records", {1, 1, 0}, R"({"v":"1"})");
  altered.AddChange("records", {1, 2, 0}, R"({"a":2,"v":"2"})");
  EXPECT_NE(one.hash, altered.hash);
  other.AddChange("records", {1, 1, 0}, R"({"v":"1"})");
  EXPECT_NE(one, other);
}

TEST(Sum, TakesTheVersionOfTheChangeNotOfADeletesBeforeImage) {
  Sum from_image, from_row;
  from_image.AddChange("records", {1, 9, 0}, R"({"a":1,"_version":"old"})");
  RowHash row;
  row.Add(R"("a":1)");
  from_row.AddChange("records", {1, 9, 0}, row);
  EXPECT_EQ(from_image, from_row);
}

// Stored in records.db: these numbers never change (docs/formats/sums.md).
TEST(Sum, GivesTheSameNumbersForEver) {
  Sum history, state;
  history.AddChange("records", {1, 42, 0},
                    R"({"id":"o-1","amount":"12.50","note":null,"_version":"x"})");
  EXPECT_EQ(history, (Sum{1, 0x6943ef73042751fc}));
  history.AddChange("records", {1, 43, 0},
                    R"({"id":"o-2","tags":["a,b"],"_version":"y"})");
  EXPECT_EQ(history, (Sum{2, 0xae599b3cfd60d9ac}));
  state.AddState(R"({"id":"o-1","amount":"12.50","note":null,"_version":"x"})");
  EXPECT_EQ(state, (Sum{1, 0xd5169ee1a7e47643}));
}

TEST(Sum, DoesNotCareForNullsOrTheOrderOfColumns) {
  Sum one, other;
  one.AddState(R"({"a":1,"b":null,"c":"x"})");
  other.AddState(R"({"c":"x","a":1})");
  EXPECT_EQ(one, other);
}

TEST(Sum, SeesMembersThatChangedPlaces) {
  Sum one, other;
  one.AddState(R"({"a":1,"b":1})");
  one.AddState(R"({"a":2,"b":2})");
  other.AddState(R"({"a":1,"b":2})");
  other.AddState(R"({"a":2,"b":1})");
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace millrace::change
