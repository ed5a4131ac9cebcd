#include "access_fixture.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "gateway/stream_routes.hpp"

/// Access rules over the routes of streams.
namespace millrace::gateway {
namespace {

using http::Method;
using query::Operation;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNothing = R"({"items":[],"next_cursor":null})";

schema::Collection Events(const std::string& name) {
  schema::Collection out;
  out.name = name;
  out.key = "event_id";
  out.created_at.clear();
  out.updated_at.clear();
  const auto text = schema::Type::Simple(schema::Kind::kText);
  out.fields = {{.name = "event_id", .type = text, .generate = schema::Generate::kUuidV7},
                {.name = "owner", .type = text},
                {.name = "note", .type = text}};
  return out;
}

class StreamAccess : public AccessFixture {
 protected:
  void SetUp() override {
    AccessFixture::SetUp();
    auto log = eventlog::OpenEmbedded({.directory = directory_});
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    log_ = std::move(*log);
    for (const auto* name : {"clicks", "tenants", "closed"}) Add(name);
    Rule(Events("clicks"), Operation::kAppend, "owner = auth.user_id");
    Rule(Events("clicks"), Operation::kRead,
         "owner = auth.user_id or auth.role = 'admin'");
    Rule(Events("tenants"), Operation::kAppend, "true");
    Rule(Events("tenants"), Operation::kRead, "true");
    access_.rules["tenants"].tenant = true;
    access_.rules["closed"];
    routes_.emplace(streams_, *log_, pool_,
                    StreamRouteOptions{.access = &access_, .cursor_key = "k"});
    Serve(*routes_);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    streams_.clear();
    log_.reset();
    AccessFixture::TearDown();
  }

  void Add(const std::string& name) {
    const auto& codec =
        codecs_.emplace_back(std::make_unique<schema::RecordCodec>(Events(name)));
    streams_[name] = {std::make_unique<capture::StreamWriter>(
                          *log_, *codec, [] { return Result<Position>(Position{1, 0}); },
                          SystemClock(), metrics_, capture::StreamWriterOptions{}),
                      false};
  }

  http::ClientResponse Append(const std::string& who, const std::string& body,
                              const std::string& stream = "clicks",
                              const std::string& type = "application/json") {
    return Send(Method::kPost, "streams/" + stream + "/events", who, body,
                {{"Content-Type", type}});
  }
  static std::string Event(const std::string& id, const std::string& owner) {
    return R"({"event_id":")" + id + R"(","owner":")" + owner + R"("})";
  }
  std::string Read(const std::string& who, const std::string& query = "",
                   const std::string& stream = "clicks") {
    return Send(Method::kGet, "streams/" + stream + "/events" + query, who).body;
  }

  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::vector<std::unique_ptr<schema::RecordCodec>> codecs_;
  Streams streams_;
  runtime::BlockingPool pool_{1, 16};
  std::optional<StreamRoutes> routes_;
};

TEST_F(StreamAccess, AppendIsAskedOfEachEvent) {
  EXPECT_EQ(Append("ada", Event("a", "ada")).status, 201);
  const auto both = "[" + Event("b", "ada") + "," + Event("c", "bob") + "]";
  const auto refused = Append("ada", both);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("append in clicks refuses event 2 of the request"));
  EXPECT_THAT(refused.body, Not(HasSubstr("owner")));
  const auto lines = Event("d", "ada") + "\n" + Event("e", "bob") + "\n";
  EXPECT_EQ(Append("ada", lines, "clicks", "application/x-ndjson").status, 403);
  EXPECT_EQ(Append("", Event("f", "")).status, 403);
  EXPECT_EQ(Append("bad", Event("g", "ada")).status, 401);
  const auto stored = Read("root");
  EXPECT_THAT(stored, HasSubstr(R"("event_id":"a")"));
  for (const auto* id : {"b", "c", "d", "e", "f", "g"})
    EXPECT_THAT(stored, Not(HasSubstr(R"("event_id":")" + std::string(id))));
}

TEST_F(StreamAccess, ReadHasWhatTheRuleLeaves) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Append("ada", Event("a" + std::to_string(i), "ada")).status, 201);
    ASSERT_EQ(Append("bob", Event("b" + std::to_string(i), "bob")).status, 201);
  }
  EXPECT_THAT(Read("ada"), AllOf(HasSubstr("\"a4\""), Not(HasSubstr("bob"))));
  EXPECT_THAT(Read("root"), AllOf(HasSubstr("\"a4\""), HasSubstr("\"b4\"")));
  // A full page goes on behind its last event.
  EXPECT_EQ(Read(""), kNothing);
  EXPECT_THAT(Read("ada", "?limit=2"),
              AllOf(HasSubstr("\"a0\""), HasSubstr("\"a1\""), Not(HasSubstr("\"a2\""))));
  EXPECT_THAT(Read("ada", "?limit=2&from=3"),
              AllOf(HasSubstr("\"a2\""), HasSubstr("\"a3\""), Not(HasSubstr("\"a1\""))));
}

TEST_F(StreamAccess, ACursorIsItsUsersOwn) {
  for (const auto* id : {"a", "b", "c"})
    ASSERT_EQ(Append("ada", Event(id, "ada")).status, 201);
  const auto page = Read("ada", "?limit=1");
  const auto at = page.find("next_cursor\":\"") + 14;
  const auto query = "?limit=1&cursor=" + page.substr(at, page.find('"', at) - at);
  EXPECT_THAT(Read("ada", query), HasSubstr("\"b\""));
  const auto refused = Send(Method::kGet, "streams/clicks/events" + query, "root");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("is not a next_cursor of this stream"));
  EXPECT_EQ(Send(Method::kGet, "streams/clicks/events?cursor=1", "ada").status, 400);
}

TEST_F(StreamAccess, WithoutARuleNobodyMay) {
  for (const std::string who : {"", "ada", "root@acme"}) {
    EXPECT_EQ(Append(who, Event("a", "ada"), "closed").status, 403);
    EXPECT_EQ(Send(Method::kGet, "streams/closed/events", who).status, 403);
    EXPECT_EQ(Send(Method::kGet, "streams/closed", who).status, 404);
  }
}

TEST_F(StreamAccess, TenantsMeetNowhere) {
  EXPECT_EQ(Append("ada@acme", Event("same", "canary"), "tenants").status, 201);
  const auto other = Append("ada@other", Event("same", "mine"), "tenants");
  EXPECT_EQ(other.status, 201);
  EXPECT_THAT(other.body, HasSubstr(R"("duplicate":false)"));
  const auto again = Append("eve@acme", Event("same", "canary"), "tenants");
  EXPECT_THAT(again.body, HasSubstr(R"("duplicate":true)"));
  EXPECT_THAT(Read("eve@acme", "", "tenants"),
              AllOf(HasSubstr("canary"), Not(HasSubstr("mine"))));
  EXPECT_THAT(Read("ada@other", "", "tenants"),
              AllOf(HasSubstr("mine"), Not(HasSubstr("canary"))));
  EXPECT_EQ(Read("ada@third", "", "tenants"), kNothing);
  for (const std::string who : {"", "ada"}) {
    EXPECT_EQ(Send(Method::kGet, "streams/tenants/events", who).status, 403);
    EXPECT_EQ(Append(who, Event("b", "b"), "tenants").status, 403);
  }
}

TEST_F(StreamAccess, AWindowThatIsReadBackKnowsTenantsApart) {
  ASSERT_EQ(Append("ada@acme", Event("same", "x"), "tenants").status, 201);
  streams_.erase("tenants");
  Add("tenants");
  EXPECT_THAT(Append("ada@other", Event("same", "x"), "tenants").body,
              HasSubstr(R"("duplicate":false)"));
  EXPECT_THAT(Append("ada@acme", Event("same", "x"), "tenants").body,
              HasSubstr(R"("duplicate":true)"));
}

TEST_F(StreamAccess, ScopesNarrow) {
  EXPECT_EQ(Append("ada clicks:write", Event("a", "ada")).status, 201);
  EXPECT_EQ(Append("ada clicks:read", Event("b", "ada")).status, 403);
  EXPECT_THAT(Read("ada clicks:read"), HasSubstr("\"a\""));
  EXPECT_THAT(Read("ada clicks:write"), HasSubstr("leave out read in clicks"));
}

TEST_F(StreamAccess, ListingsNameWhatARuleOpens) {
  const auto list = [&](const std::string& who) {
    return Send(Method::kGet, "streams", who).body;
  };
  EXPECT_THAT(list("ada"), AllOf(HasSubstr("clicks"), Not(HasSubstr("closed"))));
  EXPECT_THAT(list("ada"), Not(HasSubstr("tenants")));
  EXPECT_THAT(list("ada@acme"), HasSubstr("tenants"));
  EXPECT_EQ(list(""), kNothing);
  EXPECT_EQ(Send(Method::kGet, "streams/clicks", "ada").status, 200);
  EXPECT_THAT(Send(Method::kGet, "streams/absent", "ada").body, Not(HasSubstr("clicks")));
}

}  // namespace
}  // namespace millrace::gateway
