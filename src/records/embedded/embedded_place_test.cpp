#include <gtest/gtest.h>
#include <sqlite3.h>

#include <thread>

#include "embedded_file_fixture.hpp"

namespace millrace::records::testing {
namespace {

TEST_P(EmbeddedFile, ANewerFormatIsRefused) {
  Close();
  ASSERT_TRUE(File().Exec("PRAGMA user_version=99"));
  EXPECT_EQ(OpenError({Orders()}), ErrorCode::kConflict);
  EXPECT_FALSE(RecordsReader::Open(place().directory()));
}

TEST_P(EmbeddedFile, Version1IsReadAndBecomesTheNewest) {
  ASSERT_TRUE(CreateOrder("a", R"(,"amount":"12.50")").ok());
  Close();
  ASSERT_TRUE(File().Exec("DROP TABLE fields"));
  ASSERT_TRUE(File().Exec("DROP TABLE sums"));
  ASSERT_TRUE(File().Exec("DROP TABLE definitions"));
  ASSERT_TRUE(File().Exec("PRAGMA user_version=1"));
  ASSERT_TRUE(RecordsReader::Open(place().directory()));
  Reopen();
  EXPECT_EQ(Ask("PRAGMA user_version"), 4);
  auto retyped = Orders();
  retyped.fields[2].type = schema::Type::Decimal(10, 3);
  EXPECT_EQ(OpenError({retyped, Counters()}), ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedFile, AnotherSourceNameIsRefused) {
  place().options.source = "other";
  EXPECT_EQ(OpenError({Orders()}), ErrorCode::kConflict);
}

TEST_P(EmbeddedFile, ToolsReadBesideTheServerAndWithoutIt) {
  ASSERT_TRUE(CreateOrder("a").ok());
  ASSERT_TRUE(CreateOrder("b").ok());
  const auto end = *open_.feed->End();
  const auto hash = SumOf("orders").hash;
  const auto look = [&] {
    auto reader = RecordsReader::Open(place().directory());
    ASSERT_TRUE(reader) << reader.error().ToString();
    std::string keys;
    ASSERT_TRUE((*reader)->Scan("orders", [&](const ScannedRecord& record) {
      keys += record.key;
      return true;
    }));
    EXPECT_EQ(keys, "ab");
    EXPECT_EQ(*(*reader)->Tables(), (std::vector<std::string>{"counters", "orders"}));
    EXPECT_EQ(*(*reader)->End(), end);
    EXPECT_EQ((*reader)->Sums()->at(1).hash, hash);
    EXPECT_EQ(*(*reader)->Source(), "records");
    EXPECT_EQ((*reader)->Get("", "orders", "b")->version.position, end.low);
    EXPECT_EQ((*reader)->Get("", "orders", "c").error().code(), ErrorCode::kNotFound);
    EXPECT_EQ((*reader)->Get("", "nothing", "a").error().code(), ErrorCode::kNotFound);
    const auto change = (*reader)->ChangeAt(end);
    ASSERT_TRUE(change && change->has_value());
    EXPECT_EQ((**change).changes.front().key, "b");
    EXPECT_FALSE((*reader)->ChangeAt({end.high, end.low + 1})->has_value());
    EXPECT_FALSE((*reader)->ChangeAt({end.high + 1, end.low})->has_value());
  };
  look();
  Close();
  look();
  Reopen();
  EXPECT_TRUE(CreateOrder("c").ok());
  EXPECT_EQ(RecordsReader::Open(place().directory() / "no").error().code(),
            ErrorCode::kNotFound);
}

TEST_P(EmbeddedFile, SumsAreMarkedOnceAMinute) {
  constexpr TimestampUs kMinute = kSumSliceUs;
  const auto marks = [&] {
    auto reader = RecordsReader::Open(place().directory());
    return *(*reader)->Marks("orders");
  };
  clock_.Set(100 * kMinute + 5);
  ASSERT_TRUE(CreateOrder("a").ok());
  ASSERT_TRUE(CreateOrder("b").ok());
  clock_.Set(101 * kMinute - 1);
  ASSERT_TRUE(CreateOrder("c").ok());
  const auto of_first = SumOf("orders");
  clock_.Set(103 * kMinute);
  ASSERT_TRUE(Create(R"({"name":"x"})", "counters").ok());
  ASSERT_TRUE(CreateOrder("d").ok());
  Reopen();  // within the minute: its mark stays
  ASSERT_TRUE(CreateOrder("e").ok());
  EXPECT_FALSE(CreateOrder("e").ok());
  const auto found = marks();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].begin, 100 * kMinute);
  EXPECT_EQ(found[0].changes, 0u);
  EXPECT_EQ(found[0].position, 0u);
  EXPECT_EQ(found[1].begin, 103 * kMinute);
  EXPECT_EQ(found[1].changes, 3u);
  EXPECT_EQ(found[1].hash, of_first.hash);
  EXPECT_EQ(found[1].position, 4u);
}

TEST_P(EmbeddedFile, AFileOfVersionTwoGetsMarksFromNowOn) {
  ASSERT_TRUE(CreateOrder("a").ok());
  Close();
  ASSERT_TRUE(File().Exec("DROP TABLE sums"));
  ASSERT_TRUE(File().Exec("DROP TABLE definitions"));
  ASSERT_TRUE(File().Exec("PRAGMA user_version=2"));
  EXPECT_TRUE((*RecordsReader::Open(place().directory()))->Marks("orders")->empty());
  Reopen();
  EXPECT_EQ(Ask("PRAGMA user_version"), 4);
  ASSERT_TRUE(CreateOrder("b").ok());
  const auto marks = *(*RecordsReader::Open(place().directory()))->Marks("orders");
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].changes, 1u);
}

TEST_P(EmbeddedFile, AToolCanReadEverythingAsOfOneCommit) {
  ASSERT_TRUE(CreateOrder("a").ok());
  const auto reader = *RecordsReader::Open(place().directory());
  ASSERT_TRUE(reader->HoldSnapshot(true));
  const auto end = *reader->End();
  ASSERT_TRUE(CreateOrder("b").ok());
  EXPECT_EQ(*reader->End(), end);
  std::string keys;
  ASSERT_TRUE(reader->ScanChanges(0, [&](const Change& change) { keys += change.key; }));
  EXPECT_EQ(keys, "a");
  ASSERT_TRUE(reader->HoldSnapshot(false));
  EXPECT_GT(*reader->End(), end);
}

TEST_P(EmbeddedFile, ToolsReadRecordsWithKeysThatAreNumbers) {
  ASSERT_TRUE(Create(R"({"name":"x"})", "counters").ok());
  const auto reader = RecordsReader::Open(place().directory());
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*reader)->Get("", "counters", "1"));
  EXPECT_EQ((*reader)->Get("", "counters", "x").error().code(), ErrorCode::kNotFound);
}

TEST_P(EmbeddedFile, TheFeedIsReadFromTheFileWhenTheTailIsTooShort) {
  place().options.tail_bytes = 0;
  Reopen();
  ASSERT_TRUE(CreateOrder("a", R"(,"status":"x")").ok());
  ASSERT_TRUE(Write(Request(PatchOp("a", R"({"status":"y"})"))).ok());
  ASSERT_TRUE(Write(Request(DeleteOp("a"))).ok());
  const auto changes = Changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].before, "");
  EXPECT_EQ(changes[1].before, changes[0].after);
  EXPECT_EQ(changes[2].before, changes[1].after);
  EXPECT_EQ(changes[2].after, "");
  EXPECT_EQ(changes[1].operation, Operation::kUpdate);
  EXPECT_EQ(changes[1].committed_at, clock_.Now());
  const auto one = open_.feed->Read(changes[0].position, 10, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->changes.size(), 1u);
}

TEST_P(EmbeddedFile, AHoleAtTheEndOfTheFeedIsNotItsEnd) {
  for (const auto* key : {"a", "b", "c", "d"}) ASSERT_TRUE(CreateOrder(key).ok());
  const auto changes = Changes();
  Close();
  ASSERT_TRUE(File().Exec("DELETE FROM changes WHERE seq > 2"));
  Reopen();
  EXPECT_EQ(open_.feed->Read(changes[0].position, 10, 1u << 20u)->changes.size(), 1u);
  const auto lost = open_.feed->Read(changes[1].position, 10, 1u << 20u);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::kOutOfRange);
}

TEST_P(EmbeddedFile, AnIdleStoreTrimsByItself) {
  place().options.idle_trim = std::chrono::milliseconds(1);
  Reopen();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  open_.feed->Trim({0, 5});
  while (open_.feed->Read({}, 1, 1)) std::this_thread::yield();
  Reopen();
  open_.feed->Trim(*open_.feed->End());
  // No further write comes; the writer's own commit makes the rows go.
  while (open_.feed->Read({0, 19}, 1, 1)) std::this_thread::yield();
  EXPECT_EQ(Ask("SELECT count(*) FROM changes"), 0);
  EXPECT_EQ(SumOf("orders").changes, 20u);
}

TEST_P(EmbeddedFile, ExpiredAnswersAreRemovedInSmallSteps) {
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(Write(WithKey(CreateRequest(OrderJson("k" + std::to_string(i))),
                              "key" + std::to_string(i)))
                    .ok());
  }
  clock_.Advance(25 * kHourUs);
  Reopen();
  ASSERT_TRUE(CreateOrder("one").ok());
  const auto left = Ask("SELECT count(*) FROM idempotency");
  EXPECT_LT(left, 300);
  EXPECT_GT(left, 0);
  ASSERT_TRUE(CreateOrder("two").ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM idempotency"), 0);
}

TEST_P(EmbeddedFile, AGroupRemovesMoreAnswersThanItKeeps) {
  const auto keyed = [this](int i) {
    return WithKey(CreateRequest(OrderJson("k" + std::to_string(i))), std::to_string(i));
  };
  for (int i = 0; i < 700; ++i) ASSERT_TRUE(Write(keyed(i)).ok());
  clock_.Advance(25 * kHourUs);
  {
    const HeldWriter held(*open_.store, CreateRequest(OrderJson("held")));
    for (int i = 1000; i < 1400; ++i) replies_.push_back(Start(keyed(i)));
  }
  for (auto& reply : replies_) EXPECT_TRUE(reply.get().ok());
  EXPECT_EQ(Ask("SELECT count(*) FROM idempotency"), 400);
}

TEST_P(EmbeddedFile, AQueueOverItsBoundRefusesAndGoesOn) {
  place().options.queue_max = 2;
  place().options.group_max = 1;
  Reopen();
  {
    const HeldWriter held(*open_.store, CreateRequest(OrderJson("held")));
    for (int i = 0; i < 5; ++i) {
      replies_.push_back(Start(CreateRequest(OrderJson("k" + std::to_string(i)))));
    }
  }
  int refused = 0;
  for (auto& reply : replies_) {
    const auto got = reply.get();
    if (got.ok()) continue;
    EXPECT_EQ(got.code(), ErrorCode::kResourceExhausted);
    ++refused;
  }
  EXPECT_EQ(refused, 3);
  EXPECT_TRUE(CreateOrder("after").ok());
}

TEST_P(EmbeddedFile, WhatWasSubmittedIsFinishedBeforeItCloses) {
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 100; ++i) {
    replies.push_back(Start(CreateRequest(OrderJson("k" + std::to_string(i)))));
  }
  Close();
  for (auto& reply : replies) EXPECT_TRUE(reply.get().ok());
}

TEST_P(EmbeddedFile, TheWriteAheadLogStaysBounded) {
  std::string note(2000, 'n');
  for (int i = 0; i < 60; ++i) {
    std::string batch = "[";
    for (int k = 0; k < 300; ++k) {
      const auto key = std::to_string(i) + "-" + std::to_string(k);
      batch += (k > 0 ? "," : "") + OrderJson(key, R"(,"status":")" + note + R"(")");
    }
    ASSERT_TRUE(Create(batch + "]").ok());
    open_.feed->Trim(*open_.feed->End());
  }
  const auto log = place().directory() / "records.db-wal";
  EXPECT_LT(std::filesystem::file_size(log), 100u << 20u);
}

INSTANTIATE_TEST_SUITE_P(Embedded, EmbeddedFile,
                         ::testing::Values(Adapter{
                             "Embedded",
                             [] { return std::make_unique<EmbeddedPlace>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
