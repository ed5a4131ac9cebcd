#include "encoding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/gzip.hpp"

namespace millrace::http::internal {
namespace {

using testing::Contains;
using testing::Not;
using testing::Pair;

TEST(AcceptEncoding, NamesGzipOrEverything) {
  for (const auto* taken : {"gzip", "GZIP", "deflate, gzip;q=0.5", "br,x-gzip", "*",
                            "identity;q=0, *;q=0.1", "gzip;q=1.0, *;q=0"}) {
    EXPECT_TRUE(TakesGzip(taken)) << taken;
  }
  for (const auto* refused : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0",
                              "*, gzip;q=0", "gzipped", " , ;"}) {
    EXPECT_FALSE(TakesGzip(refused)) << refused;
  }
}

TEST(Encode, PacksWhatIsLongEnoughAndSaysThatItVaries) {
  const std::string text(5000, 'a');
  Response response{.body = text};
  Encode(response, true);
  EXPECT_LT(response.body.size(), 100u);
  EXPECT_EQ(Gunzip(response.body, 1u << 20u).value(), text);
  EXPECT_THAT(response.headers, Contains(Pair("Content-Encoding", "gzip")));
  EXPECT_THAT(response.headers, Contains(Pair("Vary", "Accept-Encoding")));
}

TEST(Encode, SaysThatItVariesAlsoWherePlainIsAsked) {
  Response response{.body = std::string(5000, 'a')};
  Encode(response, false);
  EXPECT_EQ(response.body.size(), 5000u);
  EXPECT_THAT(response.headers, Contains(Pair("Vary", "Accept-Encoding")));
  EXPECT_THAT(response.headers, Not(Contains(Pair("Content-Encoding", "gzip"))));
}

TEST(Encode, LeavesShortTaggedBinaryAndProblemsAlone) {
  const std::string text(5000, 'a');
  std::vector<Response> responses = {
      {.body = std::string(1023, 'a')},
      {.body = text, .headers = {{"ETag", "\"1\""}}},
      {.body = text, .headers = {{"Content-Encoding", "gzip"}}},
      {.content_type = "application/octet-stream", .body = text},
      {.content_type = "application/problem+json", .body = text}};
  for (auto& response : responses) {
    const auto before = response.headers;
    const auto size = response.body.size();
    Encode(response, true);
    EXPECT_EQ(response.headers, before);
    EXPECT_EQ(response.body.size(), size);
  }
}

TEST(Gunzip, RefusesWhatIsNoneAndWhatIsTooMuch) {
  EXPECT_FALSE(Gunzip("plain", 100).has_value());
  const auto packed = Gzip(std::string(1000, 'a'));
  EXPECT_FALSE(Gunzip(packed, 999).has_value());
  EXPECT_FALSE(Gunzip(packed.substr(0, packed.size() - 3), 2000).has_value());
  EXPECT_TRUE(Gunzip(packed, 1000).has_value());
}

TEST(Traceparent, HasItsForm) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_TRUE(IsTraceparent(good));
  for (const std::string bad :
       {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319cxb7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\""}) {
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::http::internal
