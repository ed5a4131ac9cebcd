#include "http/query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseQuery, DecodesPairsInOrder) {
  EXPECT_THAT(
      *ParseQuery("status=eq.shipped&amount=gte.10&status=x%2B+y&flag&=v&&e="),
      ElementsAre(QueryParam{"status", "eq.shipped"}, QueryParam{"amount", "gte.10"},
                  QueryParam{"status", "x+ y"}, QueryParam{"flag", ""},
                  QueryParam{"", "v"}, QueryParam{"e", ""}));
  EXPECT_THAT(*ParseQuery(""), IsEmpty());
}

TEST(ParseQuery, RefusesBrokenSequencesAndNul) {
  for (const char* raw : {"a=%", "a=%4", "a=%4g", "%zz=1", "a=%00"}) {
    SCOPED_TRACE(raw);
    EXPECT_EQ(ParseQuery(raw).error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(PercentDecode, ReadsBothCasesAndKeepsThePlus) {
  EXPECT_EQ(*PercentDecode("a%2fb%C3%A9+"), "a/b\xc3\xa9+");
}

TEST(AppendPercentEncoded, IsUndoneByPercentDecode) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  std::string encoded;
  AppendPercentEncoded(encoded, all);
  EXPECT_EQ(*PercentDecode(encoded), all);
  std::string plain;
  AppendPercentEncoded(plain, "a-._~9 /");
  EXPECT_EQ(plain, "a-._~9%20%2F");
}

}  // namespace
}  // namespace millrace::http
