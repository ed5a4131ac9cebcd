#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "gateway/record_routes.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "records_embedded/embedded_records.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

/// Access rules over the routes of records, from the outside: who asks is injected.
namespace millrace::gateway {
namespace {

using http::Method;
using query::Operation;
using testing::HasSubstr;
using testing::Not;

schema::Collection Notes(const std::string& name) {
  schema::Collection out;
  out.name = name;
  out.key = "id";
  const auto text = schema::Type::Simple(schema::Kind::kText);
  out.fields = {{.name = "id", .type = text},
                {.name = "owner", .type = text},
                {.name = "state", .type = text}};
  return out;
}

class RecordAccess : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "record_access_XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    records::EmbeddedRecordsOptions options;
    options.directory = directory_;
    for (const auto* name : {"notes", "tenants", "closed"}) {
      options.collections.push_back(Notes(name));
      codecs_[name] = std::make_unique<schema::RecordCodec>(Notes(name));
    }
    auto store = records::EmbeddedRecords::Open(options);
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = std::move(*store);
    access_.who = [](const http::Request& request) { return Who(request); };
    access_.rules["closed"];
    for (const auto operation : query::kOperations) {
      Rule("notes", operation, "owner = auth.user_id or auth.role = 'admin'");
      Rule("tenants", operation, "true");
    }
    Rule("notes", Operation::kUpdate, "owner = auth.user_id and state = 'open'");
    access_.rules["tenants"].tenant = true;
    Serve();
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Rule(const std::string& collection, Operation operation, std::string_view text) {
    access_.rules[collection].rules[static_cast<std::size_t>(operation)] =
        query::Rule::Parse(text, Notes(collection).DocumentColumns()).value();
  }

  /// "ada", "ada@acme"; an empty header is nobody, "bad" a broken token.
  static Result<query::Principal> Who(const http::Request& request) {
    const std::string token(request.Header("x-test-token"));
    if (token == "bad") return Fail(ErrorCode::kUnauthenticated, "the token is broken");
    query::Principal who;
    if (token.empty()) return who;
    who.authenticated = true;
    who.user_id = token.substr(0, token.find('@'));
    if (token.find('@') != token.npos) who.tenant = token.substr(token.find('@') + 1);
    if (who.user_id == "root") who.role = "admin";
    return who;
  }

  void Serve() {
    routes_ = std::make_unique<RecordRoutes>(*store_, codecs_, pool_,
                                             RecordRouteOptions{.access = &access_});
    http::ServerOptions options;
    options.listeners.resize(1);
    routes_->AddTo(options.listeners[0].router);
    auto server = http::Server::Start(std::move(options), metrics_, logger_);
    ASSERT_TRUE(server.has_value()) << server.error().ToString();
    server_ = std::move(*server);
    auto client = http::Client::Connect({.port = server_->port()}, Deadline::Never());
    ASSERT_TRUE(client.has_value()) << client.error().ToString();
    client_.emplace(std::move(*client));
  }

  http::ClientResponse Ask(Method method, const std::string& path, const std::string& who,
                           const std::string& body = "",
                           http::Client::Headers more = {}) {
    if (!who.empty()) more.emplace_back("X-Test-Token", who);
    auto answer =
        client_->Send(method, "/api/collections/" + path, body, more, Deadline::Never());
    EXPECT_TRUE(answer.has_value()) << answer.error().ToString();
    return answer.value_or(http::ClientResponse{});
  }
  http::ClientResponse Create(const std::string& who, const std::string& id,
                              const std::string& owner,
                              const std::string& collection = "notes") {
    return Ask(Method::kPost, collection + "/records", who,
               R"({"id":")" + id + R"(","owner":")" + owner + R"(","state":"open"})");
  }
  std::string List(const std::string& who, const std::string& query = "",
                   const std::string& collection = "notes") {
    return Ask(Method::kGet, collection + "/records" + query, who).body;
  }

  std::string directory_;
  telemetry::Registry metrics_;
  telemetry::Logger logger_{{.level = telemetry::Level::kError}};
  runtime::BlockingPool pool_{1, 16};
  std::unique_ptr<records::EmbeddedRecords> store_;
  Codecs codecs_;
  AccessControl access_;
  std::unique_ptr<RecordRoutes> routes_;
  std::unique_ptr<http::Server> server_;
  std::optional<http::Client> client_;
};

TEST_F(RecordAccess, AListHasWhatTheRuleLeaves) {
  ASSERT_EQ(Create("ada", "a", "ada").status, 201);
  ASSERT_EQ(Create("bob", "b", "bob").status, 201);
  EXPECT_THAT(List("ada"), AllOf(HasSubstr(R"("id":"a")"), Not(HasSubstr("bob"))));
  EXPECT_THAT(List("root"), AllOf(HasSubstr("ada"), HasSubstr("bob")));
  EXPECT_EQ(List(""), R"({"items":[],"next_cursor":null})");
  EXPECT_THAT(List("ada", "?owner=eq.bob"), Not(HasSubstr("bob")));
  EXPECT_EQ(Ask(Method::kGet, "notes/records?owner=bob", "").status, 400);
}

TEST_F(RecordAccess, AHiddenRecordIsAsIfAbsent) {
  ASSERT_EQ(Create("bob", "b", "bob").status, 201);
  const auto ask = [&](Method method, const std::string& id, const std::string& who) {
    const bool patch = method == Method::kPatch;
    return Ask(method, "notes/records/" + id, who, patch ? R"({"state":"open"})" : "",
               {{"X-Request-Id", "same"}, {"If-Match", "*"}});
  };
  for (const auto method : {Method::kGet, Method::kPatch, Method::kDelete}) {
    SCOPED_TRACE(ToString(method));
    for (const std::string who : {"ada", ""}) {
      const auto hidden = ask(method, "b", who);
      auto absent = ask(method, "x", who).body;
      EXPECT_EQ(hidden.status, 404);
      for (auto at = absent.find('x'); at != absent.npos; at = absent.find('x', at + 1))
        if (absent.substr(at - 1, 3) == "'x'" || absent.substr(at - 1, 3) == "/x\"")
          absent[at] = 'b';
      EXPECT_EQ(hidden.body, absent);
    }
    EXPECT_LT(ask(method, "b", "bob").status, 300);
  }
}

TEST_F(RecordAccess, ARefusedWriteNamesTheOperationAlone) {
  const auto create = Create("ada", "secret-1", "bob");
  EXPECT_EQ(create.status, 403);
  EXPECT_THAT(create.body, HasSubstr("the access rule of create in notes refuses this"));
  EXPECT_THAT(create.body, Not(HasSubstr("owner")));
  EXPECT_EQ(Create("", "a", "").status, 403);
  ASSERT_EQ(Create("ada", "a", "ada").status, 201);
  const auto given = Ask(Method::kPatch, "notes/records/a", "ada", R"({"owner":"bob"})");
  EXPECT_EQ(given.status, 403);
  EXPECT_THAT(given.body, HasSubstr("the access rule of update in notes refuses this"));
  EXPECT_EQ(Ask(Method::kPut, "notes/records/a", "ada", R"({"owner":"ada"})").status,
            403);
  // The rule of update: root may read and delete it, and not change it.
  EXPECT_EQ(Ask(Method::kPatch, "notes/records/a", "root", R"({"state":"x"})").status,
            404);
  EXPECT_EQ(Ask(Method::kDelete, "notes/records/a", "root").status, 204);
}

TEST_F(RecordAccess, WithoutARuleNobodyMay) {
  for (const std::string who : {"", "ada", "root"}) {
    const auto list = Ask(Method::kGet, "closed/records", who);
    EXPECT_EQ(list.status, 403);
    EXPECT_THAT(list.body, HasSubstr("no access rule opens list in closed"));
    EXPECT_EQ(Create(who, "a", "ada", "closed").status, 403);
    EXPECT_EQ(Ask(Method::kGet, "closed/records/a", who).status, 403);
    EXPECT_EQ(Ask(Method::kDelete, "closed/records/a", who).status, 403);
  }
  EXPECT_EQ(Ask(Method::kGet, "notes/records", "bad").status, 401);
  EXPECT_EQ(Ask(Method::kGet, "absent/records", "ada").status, 404);
}

TEST_F(RecordAccess, TenantsMeetNowhere) {
  ASSERT_EQ(Create("ada@acme", "a", "canary", "tenants").status, 201);
  EXPECT_THAT(List("eve@acme", "", "tenants"), HasSubstr("canary"));
  EXPECT_EQ(List("ada@other", "", "tenants"), R"({"items":[],"next_cursor":null})");
  EXPECT_EQ(Ask(Method::kGet, "tenants/records/a", "ada@other").status, 404);
  EXPECT_EQ(Ask(Method::kDelete, "tenants/records/a", "ada@other").status, 404);
  // The same key is free to another tenant.
  EXPECT_EQ(Create("ada@other", "a", "other", "tenants").status, 201);
  EXPECT_THAT(List("ada@acme", "", "tenants"), Not(HasSubstr("other")));
  for (const std::string who : {"", "ada"}) {
    const auto none = Ask(Method::kGet, "tenants/records", who);
    EXPECT_EQ(none.status, 403);
    EXPECT_THAT(none.body, HasSubstr("asks for a tenant"));
    EXPECT_EQ(Create(who, "b", "b", "tenants").status, 403);
  }
}

TEST_F(RecordAccess, AnIdempotencyKeyIsItsUsersOwn) {
  const auto create = [&](const std::string& who) {
    return Ask(Method::kPost, "tenants/records", who, R"({"owner":"x","id":"same"})",
               {{"Idempotency-Key", "k"}});
  };
  ASSERT_EQ(create("ada@acme").status, 201);
  EXPECT_EQ(create("ada@acme").Header("idempotent-replayed"), "true");
  const auto other_tenant = create("ada@other");
  EXPECT_EQ(other_tenant.status, 201);
  EXPECT_EQ(other_tenant.Header("idempotent-replayed"), "");
  EXPECT_EQ(create("eve@acme").status, 409);  // not what ada was answered
}

TEST_F(RecordAccess, ACursorIsItsUsersOwn) {
  for (const std::string id : {"a", "b", "c"})
    ASSERT_EQ(Create("ada", id, "ada").status, 201);
  const auto page = List("ada", "?limit=1");
  const auto at = page.find("next_cursor\":\"") + 14;
  const auto cursor = "?limit=1&cursor=" + page.substr(at, page.find('"', at) - at);
  EXPECT_THAT(List("ada", cursor), HasSubstr(R"("id":"b")"));
  for (const std::string who : {"root", "eve"})
    EXPECT_EQ(Ask(Method::kGet, "notes/records" + cursor, who).status, 400) << who;
}

}  // namespace
}  // namespace millrace::gateway
