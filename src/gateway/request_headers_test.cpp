#include "request_headers.hpp"

#include <gmock/gmock.h>

namespace millrace::gateway {
namespace {

using Value = std::optional<std::string>;

/// A request with the header, if it has a value.
struct Sent {
  Sent(std::string_view name, const Value& value) {
    if (value) headers.push_back({name, *value});
    request.method = http::Method::kPost;
    request.path = "/api/x";
    request.body = "{}";
    request.headers = headers;
  }
  std::vector<http::HeaderField> headers;
  http::Request request;
};

TEST(IdempotencyKey, IsBareOrQuoted) {
  struct Case {
    const char* name;
    Value sent;
    Value key;
  };
  const Case cases[] = {
      {"absent", {}, {}},
      {"bare", "k-1", "k-1"},
      {"quoted", "\"k-1\"", "k-1"},
      {"the longest", std::string(255, 'k'), std::string(255, 'k')},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Sent sent("Idempotency-Key", c.sent);
    const auto read = ReadIdempotency(sent.request);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->has_value(), c.key.has_value());
    if (!c.key) continue;
    EXPECT_EQ((*read)->key, *c.key);
    EXPECT_EQ((*read)->scope, "POST /api/x");
  }
}

TEST(IdempotencyKey, IsRefusedWhereItCannotBeOne) {
  const std::string cases[] = {
      "", "\"\"", std::string(256, 'k'), "two words", "in\"side", "k\xc3\xa4se", "tab\t"};
  for (const auto& value : cases) {
    SCOPED_TRACE(value);
    const Sent sent("idempotency-key", value);
    const auto read = ReadIdempotency(sent.request);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(IdempotencyKey, TellsBodiesApart) {
  Sent one("Idempotency-Key", "k"), other("Idempotency-Key", "k");
  other.request.body = "{ }";
  EXPECT_NE((*ReadIdempotency(one.request))->request_hash,
            (*ReadIdempotency(other.request))->request_hash);
}

TEST(IfMatch, IsOneTagOrAny) {
  struct Case {
    const char* name;
    Value sent;
    Value tag;
    bool refused = false;
  };
  const Case cases[] = {
      {"absent", {}, {}},
      {"any", "*", "*"},
      {"quoted", "\"00ff\"", "00ff"},
      {"weak tags match nothing", "W/\"00ff\"", "W/\"00ff\""},
      {"a list", "\"a\", \"b\"", {}, true},
      {"empty is not absent", "", {}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Sent sent("If-Match", c.sent);
    const auto read = ReadIfMatch(sent.request);
    ASSERT_EQ(read.has_value(), !c.refused);
    if (read) EXPECT_EQ(*read, c.tag);
  }
}

}  // namespace
}  // namespace millrace::gateway
