#include "page.hpp"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

TEST(PageResponse, HoldsItemsAndCursor) {
  EXPECT_EQ(PageResponse({}, {}).body, R"({"items":[],"next_cursor":null})");
  EXPECT_EQ(PageResponse({R"({"a":1})", "{}"}, "c\"1").body,
            R"({"items":[{"a":1},{}],"next_cursor":"c\"1"})");
}

}  // namespace
}  // namespace millrace::gateway
