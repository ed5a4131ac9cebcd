#include "gateway/door_gate.hpp"

#include <gtest/gtest.h>

#include <map>

#include "client_address.hpp"

namespace millrace::gateway {
namespace {

using project::ParseAddress;

/// Counts for ever; nothing is forgotten.
class Counts final : public cache::Cache {
 public:
  Result<std::optional<std::string>> Get(std::string_view) override {
    return std::nullopt;
  }
  Status Put(std::string_view, std::string_view, cache::Lifetime) override { return {}; }
  Status Remove(std::string_view) override { return {}; }
  Result<cache::Allowance> Take(std::string_view key, const cache::Rate& rate) override {
    if (down) return Fail(ErrorCode::kUnavailable, "down");
    auto& taken = taken_[std::string(key)];
    const cache::Lifetime wait = std::chrono::milliseconds(1'500);
    if (taken == rate.limit) return cache::Allowance{false, 0, wait, wait};
    ++taken;
    return cache::Allowance{true, rate.limit - taken, wait, {}};
  }
  Status GiveBack(std::string_view) override { return {}; }
  bool down = false;

 private:
  std::map<std::string, std::uint64_t> taken_;
};

struct Ask {
  http::Method method = http::Method::kGet;
  std::string path = "/api/x", remote = "192.0.2.7", route = "/api/x";
  std::vector<http::HeaderField> headers{};
};

class DoorGateTest : public testing::Test {
 protected:
  std::optional<http::Response> Look(const Ask& ask) {
    if (!gate_) gate_ = MakeDoorGate(door_, counts_, registry_, who_);
    headers_.clear();
    http::Request request;
    request.method = ask.method;
    request.path = ask.path;
    request.peer = ask.remote;
    request.headers = ask.headers;
    return gate_->Look(request, ask.route, headers_);
  }
  bool Passes(const Ask& ask) { return !Look(ask).has_value(); }
  bool Has(std::string_view line) const {
    return headers_.find(std::string(line) + "\r\n") != std::string::npos;
  }

  project::Door door_;
  Counts counts_;
  WhoAsks who_;
  telemetry::Registry registry_;
  std::string headers_;
  std::shared_ptr<http::Gate> gate_;
};

TEST_F(DoorGateTest, EveryAnswerHasSecurityHeaders) {
  EXPECT_TRUE(Passes({}));
  EXPECT_TRUE(Has("X-Content-Type-Options: nosniff"));
  EXPECT_TRUE(Has("X-Frame-Options: DENY"));
  EXPECT_FALSE(headers_.contains("Access-Control"));
  EXPECT_FALSE(headers_.contains("RateLimit"));
}

TEST_F(DoorGateTest, CountsWhoAsksWhereverFrom) {
  int asked = 0;
  who_ = [&](const http::Request& request) -> Result<query::Principal> {
    ++asked;
    const std::string token(request.Header("authorization"));
    if (token == "bad") return Fail(ErrorCode::kUnauthenticated, "bad");
    query::Principal who;
    (token.starts_with("mr_") ? who.key_id : who.user_id) = token;
    who.tenant = token.empty() ? "" : "acme";
    return who;
  };
  const auto as = [](const char* token, const char* from = "192.0.2.7") {
    return Ask{.remote = from, .headers = {{"Authorization", token}}};
  };
  const auto only = [&](bool project::RateLimit::* part) {
    gate_.reset();
    project::RateLimit limit{"n" + std::to_string(asked), 1, 60'000, false};
    limit.*part = true;
    door_.limits = {limit};
  };
  only(&project::RateLimit::per_user);
  EXPECT_TRUE(Passes(as("ada")));
  EXPECT_FALSE(Passes(as("ada", "192.0.2.8")));
  EXPECT_TRUE(Passes(as("bob")));
  EXPECT_TRUE(Passes(as("mr_1")));  // a key is somebody
  EXPECT_FALSE(Passes(as("mr_1", "192.0.2.8")));
  // Nobody counts by his address, and so does who brings something bad.
  EXPECT_TRUE(Passes({}));
  EXPECT_FALSE(Passes(as("bad")));
  EXPECT_TRUE(Passes(as("bad", "192.0.2.9")));
  only(&project::RateLimit::per_key);
  EXPECT_TRUE(Passes(as("mr_1")));
  EXPECT_FALSE(Passes(as("mr_1", "192.0.2.8")));
  EXPECT_TRUE(Passes(as("ada")));
  EXPECT_FALSE(Passes(as("bob")));  // from the same address, without a key
  only(&project::RateLimit::per_tenant);
  EXPECT_TRUE(Passes(as("ada")));
  EXPECT_FALSE(Passes(as("mr_1", "192.0.2.8")));
  const int before = asked;
  only(&project::RateLimit::per_ip);
  EXPECT_TRUE(Passes(as("ada")));
  EXPECT_EQ(asked, before);
}

TEST_F(DoorGateTest, CountsEachClientAndSaysWhatIsLeft) {
  door_.limits = {{"each", 2, 60'000}};
  EXPECT_TRUE(Passes({}));
  EXPECT_TRUE(Has("RateLimit-Policy: \"each\";q=2;w=60"));
  EXPECT_TRUE(Has("RateLimit: \"each\";r=1;t=2"));
  EXPECT_TRUE(Passes({}));
  const auto refused = Look({});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_TRUE(refused->body.contains("limit each: at most 2 requests in 60 s"));
  EXPECT_EQ(refused->headers.back(),
            std::pair(std::string("Retry-After"), std::string("2")));
  EXPECT_TRUE(Has("RateLimit: \"each\";r=0;t=2"));
  EXPECT_TRUE(Passes({.remote = "192.0.2.8"}));
  for (const char* path : {"/livez", "/readyz", "/metrics", "/health"})
    EXPECT_TRUE(Passes({.path = path}));
}

TEST_F(DoorGateTest, ClientsOfOneV6NetworkAreOne) {
  door_.limits = {{"each", 1, 60'000}};
  EXPECT_TRUE(Passes({.remote = "2001:db8::1"}));
  EXPECT_FALSE(Passes({.remote = "2001:db8::ffff"}));
  EXPECT_TRUE(Passes({.remote = "2001:db8:0:1::1"}));
}

TEST_F(DoorGateTest, CountsByRouteNotByPath) {
  door_.limits = {{"each", 1, 60'000, true, true}, {"all", 3, 60'000, false, false}};
  EXPECT_TRUE(Passes({.path = "/r/1", .route = "/r/{id}"}));
  EXPECT_FALSE(Passes({.path = "/r/2", .route = "/r/{id}"}));
  EXPECT_TRUE(Passes({.method = http::Method::kPost, .route = "/r/{id}"}));
  EXPECT_TRUE(Has("RateLimit: \"each\";r=0;t=2"));
  EXPECT_TRUE(Passes({.remote = "192.0.2.8"}));
  EXPECT_FALSE(Passes({.remote = "192.0.2.9"}));  // the limit of all
  EXPECT_TRUE(Has("RateLimit: \"all\";r=0;t=2"));
}

TEST_F(DoorGateTest, WithoutItsCacheEveryonePasses) {
  door_.limits = {{"each", 1, 60'000}};
  counts_.down = true;
  EXPECT_TRUE(Passes({}));
  EXPECT_TRUE(Passes({}));
}

TEST_F(DoorGateTest, NamedOriginsMayAskAndOthersGetNoWord) {
  door_.cors.origins = {"https://shop.example"};
  door_.cors.credentials = true;
  EXPECT_TRUE(Passes({.headers = {{"Origin", "https://shop.example"}}}));
  EXPECT_TRUE(Has("Access-Control-Allow-Origin: https://shop.example"));
  EXPECT_TRUE(headers_.contains("X-Millrace-Position, Idempotent-Replayed"))
      << "for pages";
  EXPECT_TRUE(Has("Access-Control-Allow-Credentials: true"));
  EXPECT_TRUE(Has("Vary: Origin"));
  EXPECT_TRUE(Passes({.headers = {{"Origin", "https://evil.example"}}}));
  EXPECT_FALSE(headers_.contains("Access-Control"));
  EXPECT_TRUE(Has("Vary: Origin"));
}

TEST_F(DoorGateTest, APreflightIsAnsweredAndNotCounted) {
  door_.cors.origins = {"*"};
  door_.limits = {{"each", 1, 60'000}};
  const Ask preflight{.method = http::Method::kOptions,
                      .headers = {{"Origin", "https://any.example"},
                                  {"Access-Control-Request-Method", "PATCH"}}};
  for (int i = 0; i < 3; ++i) {
    const auto answer = Look(preflight);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 204);
    EXPECT_TRUE(Has("Access-Control-Allow-Origin: *"));
    EXPECT_TRUE(Has("Access-Control-Max-Age: 600"));
    EXPECT_TRUE(headers_.contains("Access-Control-Allow-Methods: GET"));
  }
  EXPECT_TRUE(Passes({}));
}

struct Forwarded {
  const char* name;
  std::string remote;
  std::vector<http::HeaderField> headers{};
  std::string client;
};

TEST(ClientAddress, BelievesTrustedProxiesOnly) {
  const std::vector<project::Network> trusted{{ParseAddress("10.0.0.0"), 96 + 8},
                                              {ParseAddress("2001:db8::"), 32}};
  const Forwarded cases[] = {
      {"nothing said", "10.0.0.1", {}, "10.0.0.1"},
      {"said by a stranger",
       "192.0.2.1",
       {{"X-Forwarded-For", "198.51.100.1"}},
       "192.0.2.1"},
      {"said by a proxy",
       "10.0.0.1",
       {{"x-forwarded-for", "198.51.100.1"}},
       "198.51.100.1"},
      {"claimed by the client",
       "10.0.0.1",
       {{"X-Forwarded-For", "203.0.113.9, 198.51.100.1"}},
       "198.51.100.1"},
      {"two proxies",
       "10.0.0.1",
       {{"X-Forwarded-For", "198.51.100.1,\t10.9.9.9 "}},
       "198.51.100.1"},
      {"two headers",
       "10.0.0.1",
       {{"X-Forwarded-For", "203.0.113.9"},
        {"X-Forwarded-For", "198.51.100.1, 10.0.0.2"}},
       "198.51.100.1"},
      {"proxies only",
       "10.0.0.1",
       {{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}},
       "10.0.0.3"},
      {"no address",
       "10.0.0.1",
       {{"X-Forwarded-For", "198.51.100.1, unknown"}},
       "10.0.0.1"},
      {"v6", "2001:db8::5", {{"X-Forwarded-For", "2001:db9::1"}}, "2001:db9::1"},
  };
  for (const auto& one : cases) {
    http::Request request;
    request.peer = one.remote;
    request.headers = one.headers;
    EXPECT_EQ(ClientAddress(request, trusted), ParseAddress(one.client)) << one.name;
  }
  EXPECT_EQ(ClientAddress({}, trusted), "");
}

}  // namespace
}  // namespace millrace::gateway
