#include "base/ids.hpp"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Version, TextOrderIsVersionOrder) {
  const Version versions[] = {
      {0, 0, 0}, {0, 0, 1}, {0, 1, 0},   {0, 0xffffffffffffffff, 0xffffffff},
      {1, 0, 0}, {9, 5, 5}, {0xa, 0, 0}, {0xffffffff, 0, 0}};
  for (std::size_t i = 1; i < std::size(versions); ++i) {
    EXPECT_LT(versions[i - 1], versions[i]);
    EXPECT_LT(versions[i - 1].ToHex(), versions[i].ToHex());
  }
}

TEST(Version, ReadsBackItsText) {
  const Version version{1, 0x0123456789abcdef, 7};
  EXPECT_EQ(version.ToHex(), "000000010123456789abcdef00000007");
  EXPECT_EQ(Version::Parse(version.ToHex()).value(), version);
}

TEST(Version, RefusesOtherText) {
  for (const auto* text :
       {"", "1", "000000010123456789ABCDEF00000007", "000000010123456789abcdef0000000",
        "+00000010123456789abcdef00000007", "000000010123456789abcdef000000070",
        "000000010123456789abcdef0000 007"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(Version::Parse(text).error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(EventId, HoldsSourceEpochAndPosition) {
  std::string id = "id=";
  AppendEventId(id, "records", {2, 255, 9});
  EXPECT_EQ(id, "id=records:00000002:00000000000000ff");
}

}  // namespace
}  // namespace millrace
