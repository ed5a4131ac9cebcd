#include "gateway/audit_watch.hpp"

#include "access_fixture.hpp"

namespace millrace::gateway {
namespace {

using http::Method;
using testing::HasSubstr;

/// Keeps what it gets, as long as it is told that it can.
class FakeSink final : public AuditSink {
 public:
  Status Ready() const override { return ready; }
  void Record(AuditEvent event, AuditWhen when, Done done) override {
    events.push_back(std::move(event));
    whens.push_back(when);
    done(kept);
  }
  Status ready, kept;
  std::vector<AuditEvent> events;
  std::vector<AuditWhen> whens;
};

schema::Collection Letters() {
  schema::Collection out;
  out.name = "letters";
  out.key = "id";
  out.fields = {{.name = "id", .type = schema::Type::Simple(schema::Kind::kText)}};
  return out;
}

/// Routes of the house's names that answer what the test says.
class AuditWatch : public AccessFixture {
 protected:
  void SetUp() override {
    AccessFixture::SetUp();
    codecs_["letters"] = std::make_unique<schema::RecordCodec>(Letters());
    Serve(*this);
  }

 public:
  void AddTo(http::Router& router) {
    router.SetWrapper(WatchForAudit({sink_, codecs_, access_.who, {}, "secret"}));
    const auto add = [&](Method method, const std::string& pattern) {
      router.Add(method, pattern, [this](const http::Request&, http::Responder out) {
        ++handled_;
        out.Send(answer_);
      });
    };
    add(Method::kPost, "/api/collections/{collection}/records");
    add(Method::kGet, "/api/collections/{collection}/records");
    add(Method::kGet, "/api/collections/{collection}/records/{key}");
    add(Method::kPost, "/api/streams/{stream}/events");
    add(Method::kPost, "/api/auth/login");
    add(Method::kPost, "/api/auth/logout");
    add(Method::kPost, "/api/auth/refresh");
    add(Method::kPost, "/api/auth/revoke");
  }

 protected:
  /// The status that the client saw.
  int Ask(Method method, const std::string& path, http::Response answer,
          const std::string& who = "ada@acme", const std::string& body = "") {
    answer_ = std::move(answer);
    sink_.events.clear();
    sink_.whens.clear();
    return Send(method, path, who, body).status;
  }
  static http::Response Problem(int status) {
    return http::Response{.status = status,
                          .body = R"({"type":"urn:millrace:error:some_code"})"};
  }

  FakeSink sink_;
  Codecs codecs_;
  http::Response answer_;
  int handled_ = 0;
};

TEST_F(AuditWatch, AWriteIsRecordedWithWhoAndWhat) {
  EXPECT_EQ(Ask(Method::kPost, "collections/letters/records",
                {.status = 201, .body = R"({"id":"l1"})"}),
            201);
  ASSERT_EQ(sink_.events.size(), 1u);
  const auto& event = sink_.events[0];
  EXPECT_EQ(NameOf(event.action), "create");
  EXPECT_EQ(event.resource, "collections/letters");
  EXPECT_EQ(event.resource_id, "l1");
  EXPECT_EQ(event.actor.kind, "user");
  EXPECT_EQ(event.actor.id, "ada");
  EXPECT_EQ(event.actor.tenant, "acme");
  EXPECT_EQ(event.address, "127.0.0.1");
  EXPECT_EQ(event.route, "POST /api/collections/{collection}/records");
  EXPECT_EQ(event.status, 201);
  EXPECT_EQ(NameOf(event.result), "ok");
  EXPECT_EQ(sink_.whens[0], AuditWhen::kSoon);
}

TEST_F(AuditWatch, AnArrayIsOneEventWithItsFirstKeys) {
  std::string body = "[";
  for (int i = 0; i < 150; ++i)
    body += (i > 0 ? R"(,{"id":"l)" : R"({"id":"l)") + std::to_string(i) + "\"}";
  Ask(Method::kPost, "collections/letters/records", {.status = 201, .body = body + "]"});
  ASSERT_EQ(sink_.events.size(), 1u);
  EXPECT_EQ(sink_.events[0].count, 150u);
  ASSERT_EQ(sink_.events[0].keys.size(), kAuditKeys);
  EXPECT_EQ(sink_.events[0].keys[99], "l99");
}

TEST_F(AuditWatch, EventsAreCountedWithoutDuplicates) {
  Ask(Method::kPost, "streams/clicks/events",
      {.status = 201, .body = R"({"accepted":7,"duplicates":2,"refused":0})"});
  ASSERT_EQ(sink_.events.size(), 1u);
  EXPECT_EQ(sink_.events[0].count, 7u);
  Ask(Method::kPost, "streams/clicks/events",
      {.status = 200, .body = R"({"event_id":"e","offset":1,"duplicate":true})"});
  EXPECT_TRUE(sink_.events.empty());
}

TEST_F(AuditWatch, ReadsAreRecordedWhereTheyAreRefused) {
  const std::string one = "collections/letters/records/l1",
                    all = "collections/letters/records";
  EXPECT_EQ(Ask(Method::kGet, all, {}), 200);
  EXPECT_TRUE(sink_.events.empty());
  Ask(Method::kGet, all, Problem(404));
  EXPECT_TRUE(sink_.events.empty());
  for (const int status : {401, 403, 404}) {
    EXPECT_EQ(Ask(Method::kGet, one, Problem(status), "bad"), status);
    ASSERT_EQ(sink_.events.size(), 1u) << status;
    EXPECT_EQ(NameOf(sink_.events[0].action), "refused");
    EXPECT_EQ(sink_.events[0].code, "some_code");
    EXPECT_EQ(sink_.events[0].resource_id, "l1");
    EXPECT_EQ(sink_.events[0].actor.kind, "anonymous");
  }
}

TEST_F(AuditWatch, ARepeatedAnswerIsNoWrite) {
  Ask(Method::kPost, "collections/letters/records",
      {.status = 201, .body = "{}", .headers = {{"Idempotent-Replayed", "true"}}});
  EXPECT_TRUE(sink_.events.empty());
}

TEST_F(AuditWatch, ARefusedLoginHasNoAddressButWhatStandsForIt) {
  const std::string body = R"({"email":"Ada@Example.com","password":"wrong"})";
  EXPECT_EQ(Ask(Method::kPost, "auth/login", Problem(401), "", body), 401);
  ASSERT_EQ(sink_.events.size(), 1u);
  const auto first = sink_.events[0];
  EXPECT_EQ(NameOf(first.action), "login_refused");
  EXPECT_EQ(first.actor.kind, "anonymous");
  EXPECT_EQ(first.account.size(), 22u);
  Ask(Method::kPost, "auth/login", Problem(401), "",
      R"({"email":"ada@example.com","password":"again"})");
  EXPECT_EQ(sink_.events[0].account, first.account);
  Ask(Method::kPost, "auth/login", Problem(401), "",
      R"({"email":"bob@example.com","password":"again"})");
  EXPECT_NE(sink_.events[0].account, first.account);
}

TEST_F(AuditWatch, WhatCannotBeKeptIsNotAnswered) {
  sink_.kept = Fail(ErrorCode::kUnavailable, "no room");
  EXPECT_EQ(Ask(Method::kPost, "auth/logout", {.status = 204}), 503);
  EXPECT_EQ(sink_.whens[0], AuditWhen::kBeforeAnswer);
  EXPECT_EQ(Send(Method::kPost, "auth/logout", "ada@acme").Header("retry-after"), "1");
}

/// Or its client comes back with the spent token, like a thief.
TEST_F(AuditWatch, ARefreshIsAnsweredAllTheSame) {
  sink_.kept = Fail(ErrorCode::kUnavailable, "no room");
  EXPECT_EQ(Ask(Method::kPost, "auth/refresh", {.body = R"({"access_token":"t"})"}), 200);
}

TEST_F(AuditWatch, RevokingWhatIsNoTokenEndsNothing) {
  EXPECT_EQ(Ask(Method::kPost, "auth/revoke", {.body = "{}"}), 200);
  EXPECT_TRUE(sink_.events.empty());
  Ask(Method::kPost, "auth/revoke", {.body = R"({"session_id":"s1"})"});
  ASSERT_EQ(sink_.events.size(), 1u);
  EXPECT_EQ(NameOf(sink_.events[0].action), "session_ended");
  EXPECT_EQ(sink_.events[0].resource_id, "s1");
}

TEST_F(AuditWatch, NothingIsBegunThatCannotBeRecorded) {
  sink_.ready = Fail(ErrorCode::kUnavailable, "no room");
  EXPECT_EQ(Ask(Method::kPost, "collections/letters/records", {.status = 201}), 503);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(Ask(Method::kGet, "collections/letters/records", {}), 200);
}

}  // namespace
}  // namespace millrace::gateway
