#include "query/seal.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace millrace::query {
namespace {

const Seal kSeal{std::string(32, 'k'), "list orders"};

TEST(Seal, OpensWhatItSealed) {
  for (const std::string content : {"", "1", "a\nb", "\xff"}) {
    EXPECT_EQ(OpenSealed(kSeal, SealText(kSeal, content)), content);
  }
}

TEST(Seal, IsBoundToKeyAndPurpose) {
  const auto sealed = SealText(kSeal, "5");
  EXPECT_FALSE(OpenSealed({std::string(32, 'l'), kSeal.of}, sealed));
  EXPECT_FALSE(OpenSealed({kSeal.key, "list others"}, sealed));
  // What is content cannot become purpose.
  EXPECT_FALSE(OpenSealed({kSeal.key, kSeal.of + "5"}, SealText(kSeal, "55")));
}

TEST(Seal, EveryChangedByteIsSeen) {
  const auto decoded = *DecodeBase64Url(SealText(kSeal, "o-17"));
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    for (const char flip : {'\x01', '\x80'}) {
      auto changed = decoded;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      EXPECT_FALSE(OpenSealed(kSeal, EncodeBase64Url(changed))) << i;
    }
    EXPECT_FALSE(OpenSealed(kSeal, EncodeBase64Url(decoded.substr(0, i)))) << i;
  }
  EXPECT_FALSE(OpenSealed(kSeal, ""));
  EXPECT_FALSE(OpenSealed(kSeal, "%%%"));
}

}  // namespace
}  // namespace millrace::query
