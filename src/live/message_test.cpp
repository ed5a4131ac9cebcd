#include "live/message.hpp"

#include <gtest/gtest.h>

namespace millrace::live {
namespace {

TEST(Message, HasBothForms) {
  Message message(Kind::kRemove, {1, 2, 0}, R"({"key":"a"})");
  EXPECT_EQ(*message.ServerSent(),
            "event: remove\nid: 00000001000000000000000200000000\n"
            "data: {\"key\":\"a\"}\n\n");
  EXPECT_EQ(*message.Frame(),
            "\x81M{\"event\":\"remove\",\"id\":\"00000001000000000000000200000000\","
            "\"data\":{\"key\":\"a\"}}");
  EXPECT_EQ(message.Frame(), message.Frame());
}

}  // namespace
}  // namespace millrace::live
