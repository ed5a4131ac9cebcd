#pragma once

#include <thread>

#include "conformance_fixture.hpp"

namespace millrace::records::testing {

TEST_P(RecordsConformance, TheFeedTellsEveryChangeInCommitOrderWithBothImages) {
  const auto created = CreateOrder("a", R"(,"status":"x")");
  const auto patched = Write(Request(PatchOp("a", R"({"status":"y"})")));
  const auto replaced = Write(Request(ReplaceOp("a", R"({"customer_id":"c"})")));
  const auto deleted = Write(Request(DeleteOp("a")));
  const auto changes = Changes();
  ASSERT_EQ(changes.size(), 4u);
  const Reply* replies[] = {&created, &patched, &replaced, &deleted};
  const Operation operations[] = {Operation::kInsert, Operation::kUpdate,
                                  Operation::kReplace, Operation::kDelete};
  std::string before;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& written = replies[i]->one();
    EXPECT_EQ(changes[i].operation, operations[i]);
    EXPECT_EQ(changes[i].version, written.version);
    EXPECT_EQ(changes[i].collection, "orders");
    EXPECT_EQ(changes[i].key, "a");
    EXPECT_EQ(changes[i].before, before);
    EXPECT_EQ(changes[i].after, i == 3 ? "" : written.document);
    EXPECT_EQ(changes[i].committed_at, clock_.Now());
    if (i > 0) EXPECT_GT(changes[i].position, changes[i - 1].position);
    before = changes[i].after;
  }
  EXPECT_EQ(*open_.feed->End(), changes.back().position);
}

TEST_P(RecordsConformance, TheFeedIsReadInPartsWithoutGapOrRepetition) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  const auto all = Changes();
  ASSERT_EQ(all.size(), 50u);
  Position at;
  for (std::size_t read = 0; read < 50;) {
    const auto part = Changes(at, 7);
    ASSERT_FALSE(part.empty());
    ASSERT_LE(part.size(), 7u);
    for (const auto& change : part) EXPECT_EQ(change.key, all[read++].key);
    at = part.back().position;
  }
  EXPECT_TRUE(Changes(at).empty());
}

TEST_P(RecordsConformance, AReadIsBoundedInBytesButNeverEmptyBeforeTheEnd) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  Position at;
  for (int i = 0; i < 10; ++i) {
    const auto batch = open_.feed->Read(at, 1000, 1);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->changes.size(), 1u);
    at = batch->changes.back().position;
  }
}

TEST_P(RecordsConformance, APositionPastTheEndIsOutOfRange) {
  ASSERT_TRUE(CreateOrder("a").ok());
  auto end = *open_.feed->End();
  end.low += 1;
  EXPECT_EQ(open_.feed->Read(end, 10, 1000).error().code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(open_.feed->Read({end.high + 1, 0}, 10, 1000).error().code(),
            ErrorCode::kOutOfRange);
}

TEST_P(RecordsConformance, WaitForWakesWithTheNextChangeAndWithInterrupt) {
  const auto end = *open_.feed->End();
  EXPECT_FALSE(open_.feed->WaitFor(end, Deadline::After(std::chrono::milliseconds(1))));
  auto woken = std::async(std::launch::async,
                          [&] { return open_.feed->WaitFor(end, Deadline::Never()); });
  ASSERT_TRUE(CreateOrder("a").ok());
  EXPECT_TRUE(woken.get());
  EXPECT_TRUE(open_.feed->WaitFor(end, Deadline::Never()));
  const auto now = *open_.feed->End();
  auto interrupted = std::async(
      std::launch::async, [&] { return open_.feed->WaitFor(now, Deadline::Never()); });
  open_.feed->Interrupt();
  EXPECT_FALSE(interrupted.get());
}

TEST_P(RecordsConformance, TrimmedChangesAreOutOfRangeAndTheOthersStay) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
  const auto all = Changes();
  open_.feed->Trim(all[4].position);
  ASSERT_TRUE(CreateOrder("more").ok());  // takes the trim along
  EXPECT_EQ(open_.feed->Read({}, 100, 1000).error().code(), ErrorCode::kOutOfRange);
  EXPECT_EQ(open_.feed->Read(all[3].position, 100, 1000).error().code(),
            ErrorCode::kOutOfRange);
  EXPECT_EQ(*open_.feed->Begin(), all[4].position);
  const auto rest = Changes(all[4].position);
  ASSERT_EQ(rest.size(), 6u);
  EXPECT_EQ(rest.front().key, "k5");
  Reopen();
  EXPECT_EQ(*open_.feed->Begin(), all[4].position);
  EXPECT_EQ(Changes(all[4].position).size(), 6u);
  EXPECT_EQ(open_.feed->Read(all[3].position, 100, 1000).error().code(),
            ErrorCode::kOutOfRange);
}

TEST_P(RecordsConformance, AnEmptiedFeedDoesNotStartAgain) {
  const auto first = CreateOrder("a");
  const auto second = CreateOrder("b");
  open_.feed->Trim(*open_.feed->End());
  const auto third = CreateOrder("c");
  open_.feed->Trim(*open_.feed->End());
  Reopen();
  const auto end = *open_.feed->End();
  EXPECT_EQ(end.low, third.one().version.position);
  const auto fourth = CreateOrder("d");
  EXPECT_GT(fourth.one().version, third.one().version);
  EXPECT_GT(third.one().version, second.one().version);
  EXPECT_EQ(Changes(end).size(), 1u);
}

TEST_P(RecordsConformance, SumsAreThoseOfTheChanges) {
  ASSERT_TRUE(Create("[" + OrderJson("a") + "," + OrderJson("b") + "]").ok());
  ASSERT_TRUE(Write(Request(PatchOp("a", R"({"status":"y"})"))).ok());
  ASSERT_TRUE(Write(Request(DeleteOp("b"))).ok());
  EXPECT_FALSE(CreateOrder("a").ok());
  ASSERT_TRUE(Create(R"({"name":"x"})", "counters").ok());
  const auto check = [&] {
    change::Sum orders, counters;
    for (const auto& change : Changes()) {
      auto& sum = change.collection == "orders" ? orders : counters;
      sum.AddChange(open_.feed->source(), change.version,
                    change.after.empty() ? change.before : change.after);
    }
    EXPECT_EQ(SumOf("orders").changes, 4u);
    EXPECT_EQ(SumOf("orders").hash, orders.hash);
    EXPECT_EQ(SumOf("counters").changes, 1u);
    EXPECT_EQ(SumOf("counters").hash, counters.hash);
  };
  check();
  Reopen();
  check();
}

TEST_P(RecordsConformance, AReaderBesideFourWritersSeesEveryChangeOnce) {
  constexpr int kWriters = 4, kEach = 100;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(CreateOrder(std::to_string(w) + "-" + std::to_string(i)).ok());
      }
    });
  }
  Position at;
  std::uint64_t seen = 0;
  while (seen < kWriters * kEach) {
    ASSERT_TRUE(open_.feed->WaitFor(at, Deadline::Never()));
    for (const auto& change : Changes(at, 13)) {
      EXPECT_EQ(change.position.low, at.low + 1);
      at = change.position;
      ++seen;
    }
    open_.feed->Trim(at);
  }
  for (auto& writer : writers) writer.join();
}

}  // namespace millrace::records::testing
