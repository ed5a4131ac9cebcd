// Pipelines whose events are another system's changes, inside a raw stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

using Stores = std::map<std::string, std::shared_ptr<SinkStore>>;
using testing::HasSubstr;

struct ForeignOrders : PipelineFixture {
  ForeignOrders() {
    pipeline.codec = "operation-data";
    pipeline.stream = "orders_cdc";
  }
  void Append(const std::string& payload) {
    std::string literal;
    AppendJsonString(literal, payload);
    const std::string id = "e-" + std::to_string(++events_);
    Insert("orders_cdc", id,
           R"("event_id":")" + id + R"(","payload":)" + literal +
               R"(,"payload_bytes":null)");
  }
  static std::string Event(const char* operation, const char* second,
                           const char* amount) {
    return std::string(R"({"operation":")") + operation +
           R"(","timestamp":"2026-11-21T07:00:)" + second +
           R"(","document_id":"ORDER-7","data":{"_id":"ORDER-7","order_id":"ORDER-7",)"
           R"("customer_id":"ada","amount":)" +
           amount + "}}";
  }

 private:
  int events_ = 0;
};

TEST(ForeignChanges, AreReadAsChangesOfTheCollection) {
  ForeignOrders f;
  f.AddTable("t", "order_id");
  f.SetSql("SELECT order_id, amount, _op, _operation, _ts, _id FROM changes");
  f.Append(ForeignOrders::Event("insert", "05", "120.5"));
  f.Append(ForeignOrders::Event("replace", "06", "121"));
  Stores stores;
  const auto status = f.RunToEnd(stores);
  EXPECT_EQ(status.state, "done") << status.reason;
  EXPECT_EQ(status.stream, "orders_cdc");
  EXPECT_EQ(status.dead_letters, 0u);
  const auto& rows = stores["table.t"]->rows;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows.at(0),
              HasSubstr(R"({"order_id":"ORDER-7","amount":"120.50","_op":"c",)"
                        R"("_operation":"insert","_ts":"2026-11-21T07:00:05Z",)"
                        R"("_id":"records:00000001:0000000000000001",)"));
  EXPECT_THAT(rows.at(1),
              HasSubstr(R"("amount":"121.00","_op":"u","_operation":"replace")"));
}

TEST(ForeignChanges, HaveVersionsInTheOrderOfTheirSource) {
  ForeignOrders f;
  f.AddTable("t", "order_id");
  f.SetSql("SELECT order_id, amount FROM changes");
  f.Append(ForeignOrders::Event("update", "09", "3"));
  f.Append(ForeignOrders::Event("update", "05", "1"));  // came late
  f.Append(ForeignOrders::Event("update", "09", "3"));  // came twice
  f.Append(
      R"({"operation":"delete","timestamp":"2026-11-21T07:00:30","document_id":"ORDER-7","data":null})");
  Stores stores;
  EXPECT_EQ(f.RunToEnd(stores).state, "done");
  const auto version = [](const std::string& row) {
    const auto at = row.find(R"("_version":")");
    return row.substr(at + 12, 32);
  };
  const auto& rows = stores["table.t"]->rows;
  EXPECT_LT(version(rows.at(1)), version(rows.at(0)));
  EXPECT_GT(version(rows.at(2)), version(rows.at(0)));
  EXPECT_GT(version(stores["table.t"]->tombstones.at(3)), version(rows.at(2)));
}

TEST(ForeignChanges, WhatCannotBeReadIsADeadLetterAndTheRestGoesOn) {
  ForeignOrders f;
  f.AddLake("l");
  f.SetSql("SELECT order_id, amount FROM changes");
  f.Append("not json");
  f.Append(ForeignOrders::Event("insert", "05", "1"));
  f.Append(R"({"operation":"update","data":null})");
  f.Insert("orders_cdc", "e-raw",
           R"("event_id":"e-raw","payload":null,"payload_bytes":"//4=")");
  f.Append(ForeignOrders::Event("update", "06", "2"));
  Stores stores;
  const auto status = f.RunToEnd(stores);
  EXPECT_EQ(status.state, "done") << status.reason;
  EXPECT_EQ(stores["lake.l"]->rows.size(), 2u);
  const auto letters = f.state->letters().List({})->letters;
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_THAT(letters[0].reason, HasSubstr("not JSON"));
  EXPECT_EQ(letters[1].reason, "data: missing (gone before it was looked up?)");
  EXPECT_EQ(letters[2].reason, "the payload is not UTF-8");
  for (const auto& letter : letters) {
    EXPECT_EQ(letter.stage, "decode");
    EXPECT_EQ(letter.stream, "orders_cdc");
    EXPECT_THAT(letter.event_id, testing::StartsWith("records:"));
  }
}

TEST(ForeignChanges, TheCodecMustExist) {
  ForeignOrders f;
  f.AddLake("l");
  f.SetSql("SELECT order_id FROM changes");
  f.pipeline.codec = "avro";
  EXPECT_THAT(f.Problems(),
              testing::ElementsAre(HasSubstr("there is no codec avro; there are "
                                             "mongodb-change-stream operation-data")));
}

TEST(ForeignChanges, TheTimeOfProcessingIsOneForABatch) {
  PipelineFixture f;
  f.AddLake("l");
  f.SetSql("SELECT order_id, _processed_at AS at FROM changes");
  f.Insert("orders", "a", PipelineFixture::Order("a", "c", "1.00"));
  f.Insert("orders", "b", PipelineFixture::Order("b", "c", "1.00"));
  std::string before, after;
  AppendTimestamp(before, SystemClock().Now());
  Stores stores;
  EXPECT_EQ(f.RunToEnd(stores).state, "done");
  AppendTimestamp(after, SystemClock().Now());
  const auto at = [&](Offset offset) {
    const std::string& row = stores["lake.l"]->rows.at(offset);
    return row.substr(row.find(R"("at":")") + 6, before.size());
  };
  EXPECT_EQ(at(0), at(1));
  EXPECT_GE(at(0).substr(0, 19), before.substr(0, 19));
  EXPECT_LE(at(0).substr(0, 19), after.substr(0, 19));
}

}  // namespace
}  // namespace millrace::pipeline
