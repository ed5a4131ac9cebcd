#pragma once

#include "conformance_fixture.hpp"
#include "query/rule.hpp"

namespace millrace::records::testing {

/// What access rules ask of a write is asked in its own transaction.
class RecordsGuards : public RecordsConformance {
 protected:
  static query::Matcher Where(std::string_view rule) {
    const auto columns = Orders().DocumentColumns();
    return {query::Rule::Parse(rule, columns).value().For({}), columns};
  }
  static WriteRequest Guarded(WriteRequest request, std::string_view stored,
                              std::string_view written) {
    if (!stored.empty()) request.guard.stored = Where(stored);
    if (!written.empty()) request.guard.written = Where(written);
    return request;
  }
};

TEST_P(RecordsGuards, ACreateIsAskedAsItWouldBeStored) {
  const auto create = [&](const std::string& key, std::string_view written) {
    return Write(Guarded(CreateRequest(OrderJson(key, R"(,"amount":"5")")), "", written));
  };
  EXPECT_TRUE(create("a", "customer_id = 'c-a' and amount = 5").ok());
  const auto refused = create("b", "amount > 5");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused.written.error().message(),
            "the access rule of create in orders refuses this record");
  EXPECT_EQ(Get("b").error().code(), ErrorCode::kNotFound);
  // Whether the key is taken is nothing that a refused create learns.
  EXPECT_EQ(create("a", "amount > 5").code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(create("c", "_created_at is not null and note is null").ok());
}

TEST_P(RecordsGuards, ARefusedRecordRefusesItsBatch) {
  const auto reply =
      Write(Guarded(CreateRequest("[" + OrderJson("a") + "," + OrderJson("b") + "]"), "",
                    "order_id <> 'b'"));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.code(), ErrorCode::kPermissionDenied);
  ASSERT_EQ(reply.written.error().fields().size(), 1u);
  EXPECT_EQ(reply.written.error().fields()[0].pointer, "/1");
  EXPECT_EQ(Get("a").error().code(), ErrorCode::kNotFound);
}

TEST_P(RecordsGuards, AHiddenRecordIsAsIfAbsent) {
  ASSERT_TRUE(CreateOrder("a").ok());
  const std::function<WriteOp()> makers[] = {
      [&] { return PatchOp("a", R"({"note":"x"})"); },
      [&] { return ReplaceOp("a", R"({"customer_id":"z"})"); },
      [&] { return DeleteOp("a"); }};
  for (const auto& make : makers) {
    auto op = make();
    op.if_match = std::string(32, 'f');  // the version is nobody's business either
    const auto hidden = Write(Guarded(Request(std::move(op)), "customer_id = 'c-b'", ""));
    ASSERT_FALSE(hidden.ok());
    EXPECT_EQ(hidden.code(), ErrorCode::kNotFound);
    auto absent = make();
    absent.key = "b";
    auto message = Write(Request(std::move(absent))).written.error().message();
    message.replace(message.find("'b'"), 3, "'a'");
    EXPECT_EQ(hidden.written.error().message(), message);
  }
  EXPECT_TRUE(Get("a"));
}

TEST_P(RecordsGuards, AChangeIsAskedBeforeAndAfter) {
  ASSERT_TRUE(CreateOrder("a", R"(,"status":"open")").ok());
  const auto patch = [&](const std::string& json) {
    return Write(
        Guarded(Request(PatchOp("a", json)), "status = 'open'", "customer_id = 'c-a'"));
  };
  const auto given_away = patch(R"({"customer_id":"c-b"})");
  ASSERT_FALSE(given_away.ok());
  EXPECT_EQ(given_away.code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(given_away.written.error().message(),
            "the access rule of update in orders refuses this record");
  EXPECT_TRUE(patch(R"({"status":"done"})").ok());
  EXPECT_EQ(patch(R"({"status":"open"})").code(), ErrorCode::kNotFound);
  EXPECT_TRUE(Write(Guarded(Request(DeleteOp("a")), "status = 'done'", "false")).ok());
}

}  // namespace millrace::records::testing
