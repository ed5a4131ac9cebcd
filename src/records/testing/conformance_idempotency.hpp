#pragma once

#include "conformance_fixture.hpp"

namespace millrace::records::testing {

TEST_P(RecordsConformance, ARepetitionGetsTheSameAnswerAndHasNoEffect) {
  const auto first = Write(WithKey(CreateRequest(R"({"customer_id":"c"})"), "key-1"));
  const auto second = Write(WithKey(CreateRequest(R"({"customer_id":"c"})"), "key-1"));
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first.replayed);
  EXPECT_TRUE(second.replayed);
  EXPECT_FALSE(second.rendered);
  EXPECT_EQ(second.answer.status, first.answer.status);
  EXPECT_EQ(second.answer.etag, first.answer.etag);
  EXPECT_EQ(second.answer.location, first.answer.location);
  EXPECT_EQ(second.answer.body, first.answer.body);
  EXPECT_EQ(Changes().size(), 1u);
}

TEST_P(RecordsConformance, TenInParallelHaveOneEffectAndEqualAnswers) {
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 10; ++i) {
    replies.push_back(
        Start(WithKey(CreateRequest(R"({"customer_id":"c"})"), "the same")));
  }
  int replayed = 0;
  std::string body;
  for (auto& future : replies) {
    const auto reply = future.get();
    replayed += reply.replayed ? 1 : 0;
    if (body.empty()) body = reply.answer.body;
    EXPECT_EQ(reply.answer.body, body);
    EXPECT_EQ(reply.answer.status, 200);
  }
  EXPECT_EQ(replayed, 9);
  EXPECT_EQ(Changes().size(), 1u);
}

TEST_P(RecordsConformance, AKeyWithAnotherRequestIsUnprocessable) {
  ASSERT_TRUE(Write(WithKey(CreateRequest(OrderJson("a")), "k", 1)).ok());
  const auto other = Write(WithKey(CreateRequest(OrderJson("b")), "k", 2));
  EXPECT_EQ(other.code(), ErrorCode::kUnprocessable);
  EXPECT_FALSE(Get("b"));
}

TEST_P(RecordsConformance, TheSameKeyElsewhereIsAnotherOne) {
  ASSERT_TRUE(Write(WithKey(CreateRequest(OrderJson("a")), "k", 1, "POST /x")).ok());
  EXPECT_TRUE(Write(WithKey(CreateRequest(OrderJson("b")), "k", 2, "POST /y")).ok());
  tenant_ = "other";
  EXPECT_TRUE(Write(WithKey(CreateRequest(OrderJson("c")), "k", 3, "POST /x")).ok());
}

TEST_P(RecordsConformance, RefusalsAreKeptUnderTheirKeyToo) {
  const auto missing = Write(WithKey(Request(DeleteOp("a")), "k1"));
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  ASSERT_TRUE(CreateOrder("a").ok());
  const auto again = Write(WithKey(Request(DeleteOp("a")), "k1"));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.answer.body, missing.answer.body);
  EXPECT_TRUE(Get("a"));

  const auto conflict = Write(WithKey(CreateRequest(OrderJson("a")), "k2"));
  EXPECT_EQ(conflict.code(), ErrorCode::kConflict);
  ASSERT_TRUE(Write(Request(DeleteOp("a"))).ok());
  EXPECT_TRUE(Write(WithKey(CreateRequest(OrderJson("a")), "k2")).replayed);
  EXPECT_FALSE(Get("a"));
}

TEST_P(RecordsConformance, AKeptAnswerOutlivesItsRecordAndAReopen) {
  const auto first = Write(WithKey(CreateRequest(OrderJson("a")), "k"));
  ASSERT_TRUE(Write(Request(DeleteOp("a"))).ok());
  Reopen();
  clock_.Advance(23 * kHourUs);
  const auto again = Write(WithKey(CreateRequest(OrderJson("a")), "k"));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.answer.body, first.answer.body);
  EXPECT_FALSE(Get("a"));
}

TEST_P(RecordsConformance, AnAnswerIsForgottenAfterADay) {
  ASSERT_TRUE(Write(WithKey(CreateRequest(OrderJson("a")), "k", 1)).ok());
  clock_.Advance(24 * kHourUs + 1);
  EXPECT_TRUE(Write(WithKey(CreateRequest(OrderJson("b")), "k", 2)).ok());
  EXPECT_TRUE(Get("b"));
}

TEST_P(RecordsConformance, ABatchIsReplayedAsAWhole) {
  const auto json = "[" + OrderJson("a") + "," + OrderJson("b") + "]";
  const auto first = Write(WithKey(CreateRequest(json), "k"));
  const auto second = Write(WithKey(CreateRequest(json), "k"));
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.answer.body, first.answer.body);
  EXPECT_EQ(Changes().size(), 2u);
}

}  // namespace millrace::records::testing
