#include "packet.hpp"

#include <gtest/gtest.h>

#include "rpc/framing.hpp"
#include "rpc/server.hpp"

namespace millrace::rpc::internal {
namespace {

Result<Packet> Parse(std::string text) {
  PacketParser parser;
  text.reserve(text.size() + FrameReader::kPadding);
  return parser.Parse(text);
}

TEST(Packet, PatternsAreEqualHoweverTheyAreWritten) {
  const auto wanted = CommandPattern("login");
  for (const auto* text :
       {R"({"pattern":{"cmd":"login"}})", R"({"pattern": { "cmd" : "login" } })",
        R"({"pattern":"{\"cmd\":\"login\"}"})",
        R"({"pattern":"{\"cmd\": \"login\"}"})"}) {
    EXPECT_EQ(Parse(text)->pattern, wanted) << text;
  }
  EXPECT_EQ(Parse(R"({"pattern":{"b":1,"a":{"d":2,"c":3}}})")->pattern,
            R"({"a":{"c":3,"d":2},"b":1})");
  EXPECT_EQ(Parse(R"({"pattern":"user_created"})")->pattern, "user_created");
}

TEST(Packet, KeepsDataAndIdAsJson) {
  const auto packet = Parse(R"({"pattern":"p","data":{"a":[1,"é\n",null]},"id":"x\"1"})");
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->data, R"({"a":[1,"é\n",null]})");
  EXPECT_EQ(packet->id, R"("x\"1")");
  EXPECT_EQ(Parse(R"({"pattern":"p","id":7})")->id, "7");
  EXPECT_EQ(Parse(R"({"pattern":"p"})")->data, "");
}

TEST(Packet, CarriesTheServicesToken) {
  EXPECT_EQ(RequestPacket("1", "2", 3, ""), R"({"pattern":1,"data":2,"id":"3"})");
  const auto packet = Parse(RequestPacket("1", "2", 3, "a\"b"));
  EXPECT_EQ(packet->token, "a\"b");
  EXPECT_EQ(packet->id, R"("3")");
  EXPECT_EQ(Parse(R"({"pattern":1,"token":7})")->token, "");
  EXPECT_TRUE(SameSecret("ab", "ab"));
  EXPECT_FALSE(SameSecret("ab", "ac"));
  EXPECT_FALSE(SameSecret("ab", "abc"));
  EXPECT_FALSE(SameSecret("", "a"));
}

TEST(Packet, WhatIsNoJsonIsRefusedAndOtherJsonIsEmpty) {
  for (const auto* text : {"", "{", "nope", R"({"pattern":})", R"({"a":1}x)"}) {
    EXPECT_FALSE(Parse(text)) << text;
  }
  for (const auto* text : {"1", "null", "[]", R"("x")"}) {
    ASSERT_TRUE(Parse(text)) << text;
    EXPECT_EQ(Parse(text)->id, "");
  }
}

TEST(Packet, AnswersHaveTheMembersThatNestLooksFor) {
  EXPECT_EQ(ReplyPacket("null", R"("1")"),
            R"({"response":null,"isDisposed":true,"id":"1"})");
  EXPECT_EQ(ErrorPacket(R"({"a":1})", R"("1")"),
            R"({"err":{"a":1},"isDisposed":true,"id":"1"})");
  EXPECT_EQ(UnknownPatternPacket(R"("1")"),
            R"({"id":"1","status":"error","err":"There is no matching message handler )"
            R"(defined in the remote service."})");
}

}  // namespace
}  // namespace millrace::rpc::internal
