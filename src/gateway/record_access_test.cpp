#include "access_fixture.hpp"
#include "gateway/collection_routes.hpp"
#include "gateway/record_routes.hpp"
#include "records_embedded/embedded_records.hpp"

/// Access rules over the routes of records.
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

class RecordAccess : public AccessFixture {
 protected:
  void SetUp() override {
    AccessFixture::SetUp();
    records::EmbeddedRecordsOptions options;
    options.directory = directory_;
    for (const auto* name : {"notes", "tenants", "closed"}) {
      options.collections.push_back(Notes(name));
      codecs_[name] = std::make_unique<schema::RecordCodec>(Notes(name));
    }
    auto store = records::EmbeddedRecords::Open(options);
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = std::move(*store);
    access_.rules["closed"];
    for (const auto operation : query::kOperations) {
      Rule(Notes("notes"), operation, "owner = auth.user_id or auth.role = 'admin'");
      Rule(Notes("tenants"), operation, "true");
    }
    Rule(Notes("notes"), Operation::kUpdate, "owner = auth.user_id and state = 'open'");
    access_.rules["tenants"].tenant = true;
    routes_.emplace(*store_, codecs_, pool_,
                    RecordRouteOptions{.access = &access_, .cursor_key = "k"});
    Serve(*routes_, collections_);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    store_.reset();
    AccessFixture::TearDown();
  }

  http::ClientResponse Ask(Method method, const std::string& path, const std::string& who,
                           const std::string& body = "",
                           http::Client::Headers more = {}) {
    return Send(method, "collections/" + path, who, body, std::move(more));
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

  runtime::BlockingPool pool_{1, 16};
  std::unique_ptr<records::EmbeddedRecords> store_;
  Codecs codecs_;
  std::optional<RecordRoutes> routes_;
  CollectionRoutes collections_{codecs_, &access_};
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

TEST_F(RecordAccess, ATenantThatTheLogCannotNameIsRefusedBeforeTheWrite) {
  for (const auto& tenant :
       {std::string(65, 'x'), std::string("a/b"), std::string("é")}) {
    const auto refused = Create("ada@" + tenant, "a", "ada", "tenants");
    EXPECT_EQ(refused.status, 403) << tenant;
    EXPECT_THAT(refused.body, HasSubstr("1 to 64 of A-Z a-z 0-9 _ . -"));
    EXPECT_EQ(Ask(Method::kGet, "tenants/records", "ada@" + tenant).status, 403);
  }
  EXPECT_EQ(Create("ada@" + std::string(64, '.'), "a", "ada", "tenants").status, 201);
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

TEST_F(RecordAccess, AKeysScopesNarrowItsRights) {
  ASSERT_EQ(Create("ada", "a", "ada").status, 201);
  const auto status = [&](Method method, const std::string& path,
                          const std::string& scopes) {
    return Ask(method, path, "ada@acme " + scopes,
               method == Method::kPatch ? R"({"state":"open"})" : "", {{"If-Match", "*"}})
        .status;
  };
  for (const std::string scopes :
       {"notes:read", "*:read", "*", "tenants:write notes:read"}) {
    EXPECT_EQ(status(Method::kGet, "notes/records", scopes), 200) << scopes;
    EXPECT_EQ(status(Method::kGet, "notes/records/a", scopes), 200) << scopes;
  }
  for (const std::string scopes :
       {"notes:write", "tenants:read", "tenants:write", "read", "notes", "note:read"}) {
    EXPECT_EQ(status(Method::kGet, "notes/records", scopes), 403) << scopes;
    EXPECT_EQ(status(Method::kGet, "notes/records/a", scopes), 403) << scopes;
  }
  for (const std::string scopes : {"notes:read", "*:read", "tenants:write", "x"})
    for (const auto method : {Method::kPatch, Method::kDelete})
      EXPECT_EQ(status(method, "notes/records/a", scopes), 403) << scopes;
  EXPECT_EQ(status(Method::kPatch, "notes/records/a", "notes:write"), 200);
  EXPECT_EQ(status(Method::kDelete, "notes/records/a", "*"), 204);
  // No scope opens what the rules do not.
  EXPECT_EQ(status(Method::kGet, "closed/records", "*"), 403);
  const auto refused = Ask(Method::kGet, "notes/records", "ada tenants:read");
  EXPECT_THAT(refused.body, HasSubstr("the scopes of the API key leave out list"));
}

TEST_F(RecordAccess, ListingsNameWhatARuleOpens) {
  const auto names = [&](const std::string& who) {
    return Send(Method::kGet, "collections", who).body;
  };
  EXPECT_THAT(names("ada"), AllOf(HasSubstr(R"("notes")"), Not(HasSubstr("tenants"))));
  EXPECT_THAT(names("ada@acme"), HasSubstr(R"("tenants")"));
  EXPECT_THAT(names("ada@acme tenants:read"), Not(HasSubstr(R"("notes")")));
  EXPECT_THAT(names("root@acme"), Not(HasSubstr("closed")));
  EXPECT_EQ(names(""), R"({"items":[],"next_cursor":null})");
  EXPECT_EQ(Send(Method::kGet, "collections", "bad").status, 401);
  EXPECT_EQ(Ask(Method::kGet, "notes", "ada").status, 200);
  for (const std::string hidden : {"closed", "absent"}) {
    const auto answer = Ask(Method::kGet, hidden, "ada", "", {{"X-Request-Id", "r"}});
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(answer.body, HasSubstr(R"(no collection \")" + hidden + R"(\"")"));
    EXPECT_THAT(answer.body, Not(HasSubstr("notes")));
  }
}

}  // namespace
}  // namespace millrace::gateway
