#include "request_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace millrace::http::internal {
namespace {

using Outcome = RequestReader::Outcome;
using Stage = RequestReader::Stage;

constexpr std::size_t kHeaderLimit = 1024;

/// A reader of a table with one route per body limit, fed from strings.
class RequestReaderTest : public testing::Test {
 protected:
  RequestReaderTest() {
    const auto nothing = [](const Request&, Responder) {};
    table_.Add(Method::kGet, "/g", nothing, {}, {});
    table_.Add(Method::kPost, "/p", nothing, {.body_limit = 1u << 20u}, {});
    table_.Add(Method::kPost, "/small/{id}", nothing, {.body_limit = 10}, {});
  }

  /// Gives the bytes in pieces of at most `step` and keeps "METHOD path[body]" of each
  /// request found; stops at a refusal.
  std::vector<std::string> Feed(std::string_view bytes, std::size_t step = 1u << 20u) {
    std::vector<std::string> found;
    for (;;) {
      const auto outcome = reader_->Next();
      if (outcome == Outcome::kRefused) {
        found.push_back("refused " + std::to_string(reader_->refusal().status));
        return found;
      }
      if (outcome == Outcome::kRequest) {
        const Request& request = reader_->request();
        found.push_back(std::string(ToString(request.method)) + " " +
                        std::string(request.path) + "[" + std::string(request.body) +
                        "]");
        reader_->Consume();
        continue;
      }
      if (bytes.empty()) return found;
      const auto space = reader_->Space();
      EXPECT_FALSE(space.empty());
      const auto size = std::min({space.size(), bytes.size(), step});
      std::memcpy(space.data(), bytes.data(), size);
      reader_->Commit(size);
      bytes.remove_prefix(size);
    }
  }

  RouteTable table_;
  std::optional<RequestReader> reader_{std::in_place, table_, kHeaderLimit};
};

using Found = std::vector<std::string>;

TEST_F(RequestReaderTest, ReadsTheSameRequestsInPiecesOfAnySize) {
  const std::string large(5000, 'x');
  const std::string bytes =
      "GET /g HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" +
      large +
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" +
      large +
      "\r\n0\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
      "GET /g HTTP/1.0\r\n\r\n";
  const Found expected = {
      "GET /g[]",         "POST /p[hello]",         "POST /p[" + large + "]",
      "POST /p[abcdefg]", "POST /p[" + large + "]", "POST /p[]",
      "GET /g[]"};
  for (const std::size_t step : {1u, 2u, 3u, 7u, 61u, 997u, 1u << 20u}) {
    SCOPED_TRACE(step);
    EXPECT_EQ(Feed(bytes, step), expected);
    EXPECT_EQ(reader_->stage(), Stage::kIdle);
  }
}

TEST_F(RequestReaderTest, KeepsHeadersAndParametersValidWhileTheBodyArrives) {
  const std::string head =
      "POST /small/a%20b?q=1 HTTP/1.1\r\nHost: a\r\nX-Mark: here\r\n"
      "X-Request-Id: id-1\r\ntraceparent: "
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  ASSERT_TRUE(Feed(head + "2\r\nab\r\n").empty());
  EXPECT_EQ(reader_->stage(), Stage::kBody);
  const auto space = reader_->Space();
  std::memcpy(space.data(), "1\r\nc\r\n0\r\n\r\n", 11);
  reader_->Commit(11);
  ASSERT_EQ(reader_->Next(), Outcome::kRequest);
  const Request& request = reader_->request();
  EXPECT_EQ(request.Header("x-mark"), "here");
  EXPECT_EQ(request.Header("x-none"), "");
  EXPECT_EQ(request.Param("id"), "a b");
  EXPECT_EQ(request.query, "q=1");
  EXPECT_EQ(request.request_id, "id-1");
  EXPECT_EQ(request.traceparent,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(request.body, "abc");
}

TEST_F(RequestReaderTest, RefusesABodyThatIsDeclaredTooLarge) {
  EXPECT_EQ(Feed("POST /small/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"),
            Found{"refused 413"});
}

TEST_F(RequestReaderTest, RefusesAChunkedBodyAsSoonAsItIsTooLarge) {
  EXPECT_EQ(Feed("POST /small/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "6\r\nabcdef\r\n5\r\n"),
            Found{"refused 413"});
}

TEST_F(RequestReaderTest, RefusesTooManyHeaders) {
  std::string bytes = "GET /g HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 0; i < HeaderTable::kMaxFields; ++i) bytes += "X:1\r\n";
  EXPECT_EQ(Feed(bytes + "\r\n"), Found{"refused 431"});
}

TEST_F(RequestReaderTest, AsksOnceForABodyThatIsHeldBack) {
  ASSERT_TRUE(Feed("POST /p HTTP/1.1\r\nHost: a\r\nExpect: "
                   "100-Continue\r\nContent-Length: 3\r\n\r\n")
                  .empty());
  EXPECT_TRUE(reader_->TakeContinue());
  EXPECT_FALSE(reader_->TakeContinue());
  EXPECT_EQ(Feed("abc"), Found{"POST /p[abc]"});
}

struct BadRequest {
  const char* name;
  std::string bytes;
  int status = 400;
};

std::string WithHeaders(const std::string& headers) {
  return "POST /p HTTP/1.1\r\n" + headers + "\r\n";
}

std::string Chunked(const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

using namespace std::string_literals;
const std::string kHost = "Host: a\r\n";

const BadRequest kBadRequests[] = {
    {"length and chunked", WithHeaders(kHost + "Content-Length: 5\r\n"
                                               "Transfer-Encoding: chunked\r\n")},
    {"chunked and length", WithHeaders(kHost + "Transfer-Encoding: chunked\r\n"
                                               "Content-Length: 5\r\n")},
    {"two lengths", WithHeaders(kHost + "Content-Length: 5\r\nContent-Length: 6\r\n")},
    {"same length twice",
     WithHeaders(kHost + "Content-Length: 5\r\nContent-Length: 5\r\n")},
    {"length list", WithHeaders(kHost + "Content-Length: 5, 5\r\n")},
    {"length with sign", WithHeaders(kHost + "Content-Length: +5\r\n")},
    {"negative length", WithHeaders(kHost + "Content-Length: -5\r\n")},
    {"hexadecimal length", WithHeaders(kHost + "Content-Length: 0x5\r\n")},
    {"length with underscore", WithHeaders(kHost + "Content-Length: 1_0\r\n")},
    {"length with blank", WithHeaders(kHost + "Content-Length: 1 0\r\n")},
    {"empty length", WithHeaders(kHost + "Content-Length: \r\n")},
    {"length over 2^64", WithHeaders(kHost + "Content-Length: 18446744073709551617\r\n")},
    {"unknown coding", WithHeaders(kHost + "Transfer-Encoding: xchunked\r\n")},
    {"identity coding", WithHeaders(kHost + "Transfer-Encoding: identity\r\n")},
    {"chunked, identity",
     WithHeaders(kHost + "Transfer-Encoding: chunked, identity\r\n")},
    {"gzip, chunked", WithHeaders(kHost + "Transfer-Encoding: gzip, chunked\r\n")},
    {"chunked twice", WithHeaders(kHost + "Transfer-Encoding: chunked\r\n"
                                          "Transfer-Encoding: chunked\r\n")},
    {"chunked in HTTP/1.0",
     "POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"bare LF behind the request line", "GET /g HTTP/1.1\nHost: a\r\n\r\n"},
    {"bare LF behind a header", "GET /g HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
    {"bare LF everywhere", "GET /g HTTP/1.1\nHost: a\n\n"},
    {"bare CR in a value", WithHeaders(kHost + "X: a\rb\r\n")},
    {"space before the colon", WithHeaders("Host : a\r\n")},
    {"tab before the colon", WithHeaders(kHost + "X\t: a\r\n")},
    {"no colon", WithHeaders(kHost + "X\r\n")},
    {"empty name", WithHeaders(kHost + ": x\r\n")},
    {"NUL in a value", WithHeaders(kHost + "X: a\0b\r\n"s)},
    {"NUL in a name", WithHeaders(kHost + "X\0: a\r\n"s)},
    {"0x80 in a name", WithHeaders(kHost + "X\x80: a\r\n")},
    {"0xff in a name", WithHeaders(kHost + "\xff: a\r\n")},
    {"folded value", WithHeaders(kHost + "X: a\r\n b\r\n")},
    {"folded empty value", WithHeaders(kHost + "X:\r\n b\r\n")},
    {"fold of nothing", WithHeaders(kHost + "X: a\r\n \r\n")},
    {"fold in front of the headers", WithHeaders(" X: a\r\n" + kHost)},
    {"missing host", WithHeaders("X: a\r\n")},
    {"two hosts", WithHeaders("Host: a\r\nHost: a\r\n")},
    {"two hosts in HTTP/1.0", "GET /g HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"host with a path", WithHeaders("Host: a/b\r\n")},
    {"host with userinfo", WithHeaders("Host: u@a\r\n")},
    {"host list", WithHeaders("Host: a, b\r\n")},
    {"host with a blank", WithHeaders("Host: a b\r\n")},
    {"absolute target of another host", "GET http://b/g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"absolute target with odd scheme", "GET ftp://a/g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"authority target", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
    {"target without slash", "GET g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"star with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"fragment", "GET /g#x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"blank in the target", "GET /g x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"0x80 in the target", "GET /g\x80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"NUL in the target", "GET /g\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
    {"two blanks", "GET  /g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"leading blank line", "\r\nGET /g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"leading blank", " GET /g HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"HTTP/1.32", "GET /g HTTP/1.32\r\nHost: a\r\n\r\n"},
    {"HTTP/2.0", "GET /g HTTP/2.0\r\nHost: a\r\n\r\n"},
    {"HTTP/0.9", "GET /g\r\n"},
    {"lower-case http", "GET /g http/1.1\r\nHost: a\r\n\r\n"},
    {"TLS client hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"s},
    {"unknown expectation", WithHeaders(kHost + "Expect: 200-ok\r\n"), 417},
    {"chunk size over 2^64", Chunked("10000000000000000\r\nx")},
    {"chunk size with 0x", Chunked("0x3\r\nabc\r\n0\r\n\r\n")},
    {"chunk size with sign", Chunked("+3\r\nabc\r\n0\r\n\r\n")},
    {"negative chunk size", Chunked("-3\r\nabc\r\n0\r\n\r\n")},
    {"empty chunk size", Chunked("\r\nabc\r\n0\r\n\r\n")},
    {"chunk longer than its size", Chunked("3\r\nabcd\r\n0\r\n\r\n")},
    {"LF behind a chunk", Chunked("3\r\nabc\n0\r\n\r\n")},
    {"CR in a chunk extension", Chunked("3;a\rb\r\nabc\r\n0\r\n\r\n")},
    {"blank behind a chunk size", Chunked("3 \r\nabc\r\n0\r\n\r\n")},
    {"bad trailer", Chunked("0\r\nX : y\r\n\r\n")},
    {"length in the trailer", Chunked("0\r\nContent-Length: 3\r\n\r\n")},
    {"header over the limit",
     "GET /g HTTP/1.1\r\nHost: a\r\nX: " + std::string(kHeaderLimit, 'x') + "\r\n\r\n",
     431},
    {"target over the limit", "GET /" + std::string(kHeaderLimit, 'x'), 431},
    {"chunk line over the limit", Chunked("1;" + std::string(kHeaderLimit * 2, 'x'))},
};

TEST_F(RequestReaderTest, RefusesMalformedRequestsInOnePieceAndInMany) {
  for (const auto& bad : kBadRequests) {
    for (const std::size_t step : {std::size_t{1} << 20u, std::size_t{5}}) {
      SCOPED_TRACE(std::string(bad.name) + " in pieces of " + std::to_string(step));
      reader_.emplace(table_, kHeaderLimit);
      const auto found = Feed(bad.bytes, step);
      EXPECT_EQ(found, Found{"refused " + std::to_string(bad.status)});
    }
  }
}

TEST_F(RequestReaderTest, AcceptsUnusualButValidRequests) {
  struct Case {
    const char* name;
    std::string bytes;
    std::string found;
  };
  const Case kCases[] = {
      {"absolute target",
       "GET http://A.example:80/g?x=1 HTTP/1.1\r\n"
       "Host: A.example:80\r\n\r\n",
       "GET /g[]"},
      {"star with OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS *[]"},
      {"HTTP/1.0 without host", "GET /g HTTP/1.0\r\n\r\n", "GET /g[]"},
      {"empty host", "GET /g HTTP/1.1\r\nHost:\r\n\r\n", "GET /g[]"},
      {"IPv6 host", "GET /g HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /g[]"},
      {"blanks around a value", "GET /g HTTP/1.1\r\nHost: \t a \t \r\n\r\n", "GET /g[]"},
      {"empty value", "GET /g HTTP/1.1\r\nHost: a\r\nX:   \r\n\r\n", "GET /g[]"},
      {"unknown method", "BREW /g HTTP/1.1\r\nHost: a\r\n\r\n", "OTHER /g[]"},
      {"leading zeros", "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 002\r\n\r\nab",
       "POST /p[ab]"},
      {"chunked in capitals",
       "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
       "CHUNKED\r\n\r\n2\r\nab\r\n0\r\n\r\n",
       "POST /p[ab]"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Feed(c.bytes), Found{c.found});
  }
}

}  // namespace
}  // namespace millrace::http::internal
