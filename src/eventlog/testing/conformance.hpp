#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "eventlog/sequential_reader.hpp"
#include "eventlog/testing/conformance_fixture.hpp"
#include "eventlog/testing/conformance_positions.hpp"

/// What event_log.hpp promises, as tests. An adapter's test file includes this header and
/// instantiates it; nobody edits the suite to suit one adapter.
namespace millrace::eventlog {

TEST_P(EventLogConformance, ReadsBackInAppendOrder) {
  ASSERT_THAT(driver().Append(stream_, {"a", "b"}), Holds(2u));
  ASSERT_THAT(driver().Append(stream_, {"c"}), Holds(3u));
  EXPECT_THAT(driver().ReadAll(stream_), testing::ElementsAre("a", "b", "c"));
}

TEST_P(EventLogConformance, KeepsBodiesByteForByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const std::vector<std::string> bodies{all, "", std::string(100'000, 'x'),
                                        std::string("\0\n", 2)};
  ASSERT_TRUE(driver().Append(stream_, bodies));
  EXPECT_EQ(driver().ReadAll(stream_), bodies);
  Reopen();
  EXPECT_EQ(driver().ReadAll(stream_), bodies);
}

TEST_P(EventLogConformance, AnUnknownStreamIsEmpty) {
  const auto info = log().Stream(stream_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->first, 0u);
  EXPECT_EQ(info->next, 0u);
  EXPECT_EQ(info->bytes, 0u);
  EXPECT_THAT(log().LastPosition(stream_, "src"), Holds(Position{}));
  const auto batch = log().Read(stream_, 0, 10, 1000);
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->empty());
  EXPECT_EQ(batch->next(), 0u);
  EXPECT_THAT(*log().Streams(), testing::IsEmpty());
}

TEST_P(EventLogConformance, RefusesWhatItsLimitsForbid) {
  const std::string over(kMaxBodyBytes + 1, 'x');
  const std::string name(kMaxNameBytes + 1, 'n');
  struct Case {
    std::string_view name;
    EventBatch batch;
  };
  const Case cases[] = {
      {"no events", {stream_, "src", {}, {0, 1}, {}}},
      {"body over the limit", {stream_, "src", {}, {0, 1}, {over}}},
      {"batch over the limit",
       {stream_,
        "src",
        {},
        {0, 1},
        std::vector<std::string_view>(5, std::string_view(over).substr(1))}},
      {"upto equals after", {stream_, "src", {0, 1}, {0, 1}, {"a"}}},
      {"upto below after", {stream_, "src", {1, 0}, {0, 9}, {"a"}}},
      {"no stream name", {{"", ""}, "src", {}, {0, 1}, {"a"}}},
      {"stream name over the limit", {{"", name}, "src", {}, {0, 1}, {"a"}}},
      {"tenant over the limit", {{name, "s"}, "src", {}, {0, 1}, {"a"}}},
      {"no source", {stream_, "", {}, {0, 1}, {"a"}}},
      {"source over the limit", {stream_, name, {}, {0, 1}, {"a"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto appended = log().Append(c.batch, Deadline::Never());
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(*log().Streams(), testing::IsEmpty());
}

TEST_P(EventLogConformance, TakesTheLargestBody) {
  const std::string largest(kMaxBodyBytes, 'x');
  ASSERT_TRUE(driver().Append(stream_, {"before", largest, "after"}));
  const auto batch = log().Read(stream_, 1, 1, 1);
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->records().size(), 1u);
  EXPECT_TRUE(batch->records().front().body == largest);
}

TEST_P(EventLogConformance, StreamsAndTenantsAreApart) {
  const StreamId streams[] = {{"", "a"}, {"", "b"}, {"t1", "a"}, {"t2", "a"}};
  for (const auto& stream : streams) {
    ASSERT_THAT(driver().Append(stream, {stream.tenant + "/" + stream.name}), Holds(1u));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& stream : streams) {
      EXPECT_THAT(driver().ReadAll(stream),
                  testing::ElementsAre(stream.tenant + "/" + stream.name));
    }
    std::vector<StreamId> listed;
    for (const auto& info : *log().Streams()) listed.push_back(info.stream);
    EXPECT_THAT(listed, testing::ElementsAreArray(streams));
    Reopen();
  }
}

TEST_P(EventLogConformance, AnyNameOfAStreamWorks) {
  const std::string names[] = {"..",     ".", ".hidden", "a/b", "_redrive.orders",
                               "é ü%2f", "_"};
  for (const auto& name : names) {
    ASSERT_TRUE(driver().Append({"", name}, {name}));
    ASSERT_TRUE(driver().Append({name, "s"}, {name + "!"}));
  }
  Reopen();
  for (const auto& name : names) {
    EXPECT_THAT(driver().ReadAll({"", name}), testing::ElementsAre(name));
    EXPECT_THAT(driver().ReadAll({name, "s"}), testing::ElementsAre(name + "!"));
  }
}

TEST_P(EventLogConformance, ReadsFromAnyOffsetWithAnyLimit) {
  std::vector<std::string> all;
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<std::string> bodies;
    for (int i = 0; i <= batch; ++i)
      bodies.push_back(std::to_string(all.size() + bodies.size()));
    ASSERT_TRUE(driver().Append(stream_, bodies));
    all.insert(all.end(), bodies.begin(), bodies.end());
  }
  for (Offset from = 0; from < all.size(); from += 3) {
    for (const std::uint32_t limit : {1u, 2u, 7u, 1000u}) {
      const std::vector<std::string> expected(
          all.begin() + static_cast<std::ptrdiff_t>(from), all.end());
      EXPECT_EQ(driver().ReadAll(stream_, from, limit), expected);
      const auto batch = log().Read(stream_, from, limit, 1u << 20u);
      ASSERT_TRUE(batch);
      EXPECT_LE(batch->records().size(), limit);
    }
  }
}

TEST_P(EventLogConformance, ReadsOnInAnyStepsWithWhatItHasReadAhead) {
  std::vector<std::string> all;
  for (const int size : {1, 40, 2, 3, 100, 1}) {
    std::vector<std::string> bodies;
    for (int i = 0; i < size; ++i)
      bodies.push_back(std::to_string(all.size() + bodies.size()));
    ASSERT_TRUE(driver().Append(stream_, bodies));
    all.insert(all.end(), bodies.begin(), bodies.end());
  }
  for (const std::uint32_t limit : {1u, 7u, 50u, 1000u}) {
    for (const std::uint64_t bytes : {5u, 30u, 1u << 20u}) {
      SequentialReader reader(log(), stream_);
      std::vector<std::string> bodies;
      for (Offset next = 0;;) {
        const auto batch = reader.Read(next, limit, bytes);
        ASSERT_TRUE(batch);
        if (batch->empty()) break;
        EXPECT_LE(batch->records().size(), limit);
        for (const auto& record : batch->records()) {
          EXPECT_EQ(record.offset, next++);
          bodies.emplace_back(record.body);
        }
        EXPECT_EQ(batch->next(), next);
        // Going back, as after a failed write.
        if (next % 3 == 0) ASSERT_TRUE(reader.Read(0, limit, bytes));
      }
      EXPECT_EQ(bodies, all) << limit << " records, " << bytes << " bytes";
    }
  }
}

TEST_P(EventLogConformance, AlwaysGivesOneRecordWhereThereIsOne) {
  ASSERT_TRUE(driver().Append(stream_, {std::string(5000, 'a'), "b", "c"}));
  for (const auto [records, bytes] : {std::pair(0u, 0u), {1u, 1u}, {100u, 10u}}) {
    const auto batch = log().Read(stream_, 0, records, bytes);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->records().size(), 1u);
    EXPECT_EQ(batch->next(), 1u);
  }
}

TEST_P(EventLogConformance, BodiesCanBeReadSixtyFourBytesFurther) {
  ASSERT_TRUE(driver().Append(stream_, {"a", "b"}));
  const auto batch = log().Read(stream_, 0, 10, 1000);
  ASSERT_TRUE(batch);
  unsigned sum = 0;  // the address sanitizer is the judge
  for (const auto& record : batch->records()) {
    const volatile char* after = record.body.data() + record.body.size();
    for (std::size_t i = 0; i < RecordBatch::kReadableAfter; ++i) {
      sum += static_cast<unsigned char>(after[i]);
    }
  }
  SUCCEED() << sum;
}

TEST_P(EventLogConformance, BeyondTheEndIsOutOfRange) {
  ASSERT_TRUE(driver().Append(stream_, {"a"}));
  const auto at_end = log().Read(stream_, 1, 10, 1000);
  ASSERT_TRUE(at_end);
  EXPECT_TRUE(at_end->empty());
  EXPECT_EQ(at_end->next(), 1u);
  const auto beyond = log().Read(stream_, 2, 10, 1000);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), ErrorCode::kOutOfRange);
}

TEST_P(EventLogConformance, AppendAfterItsDeadlineWritesNothing) {
  const auto late = log().Append(LogDriver::Batch(stream_, {"a"}, {}),
                                 Deadline::After(std::chrono::milliseconds(-1)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(log().Stream(stream_)->next, 0u);
}

TEST_P(EventLogConformance, WaitForSeesWhatIsThere) {
  ASSERT_TRUE(driver().Append(stream_, {"a"}));
  EXPECT_TRUE(log().WaitFor(stream_, 0, Deadline::Never()));
  EXPECT_FALSE(log().WaitFor(stream_, 1, Deadline::After(std::chrono::milliseconds(1))));
}

TEST_P(EventLogConformance, WaitForWakesOnAppendAlsoOfANewStream) {
  std::atomic<bool> woken = false;
  std::thread waiter([&] { woken = log().WaitFor(stream_, 0, Deadline::Never()); });
  ASSERT_TRUE(driver().Append(stream_, {"a"}));
  waiter.join();
  EXPECT_TRUE(woken);
}

TEST_P(EventLogConformance, InterruptOfAStreamEndsItsWaitsAndNoLaterOnes) {
  std::atomic<bool> ended = false;
  std::thread waiter([&] {
    EXPECT_FALSE(log().WaitFor(stream_, 0, Deadline::Never()));
    ended = true;
  });
  // It may not wait yet: one that comes later is not ended.
  while (!ended) log().Interrupt(&stream_);
  waiter.join();
  std::thread later([&] { EXPECT_TRUE(log().WaitFor(stream_, 0, Deadline::Never())); });
  const StreamId other{"", "other"};
  log().Interrupt(&other);
  ASSERT_TRUE(driver().Append(stream_, {"a"}));
  later.join();
}

TEST_P(EventLogConformance, InterruptEndsEveryWait) {
  std::atomic<int> ended = 0;
  std::vector<std::thread> waiters;
  for (const auto* name : {"a", "b", "b"}) {
    waiters.emplace_back([&, name] {
      if (!log().WaitFor({"", name}, 0, Deadline::Never())) ++ended;
    });
  }
  log().Interrupt(nullptr);
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(ended, 3);
  EXPECT_FALSE(log().WaitFor(stream_, 0, Deadline::Never()));
  EXPECT_THAT(driver().Append(stream_, {"a"}),
              Holds(1u));  // everything else goes on working
  EXPECT_TRUE(log().WaitFor(stream_, 0, Deadline::Never()));
}

TEST_P(EventLogConformance, ParallelSourcesOfOneStreamKeepTheirOrder) {
  constexpr int kThreads = 4;
  constexpr int kBatches = 50;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto source = "s" + std::to_string(t);
      for (int i = 0; i < kBatches; ++i) {
        const auto body = source + ":" + std::to_string(i);
        if (!driver().Append(stream_, {body, body}, source)) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  Reopen();
  const auto bodies = driver().ReadAll(stream_);
  ASSERT_EQ(bodies.size(), 2u * kThreads * kBatches);
  std::map<std::string, int> next;
  for (std::size_t i = 0; i < bodies.size(); i += 2) {
    EXPECT_EQ(bodies[i], bodies[i + 1]);  // a batch is never interleaved
    const auto source = bodies[i].substr(0, 2);
    EXPECT_EQ(bodies[i], source + ":" + std::to_string(next[source]++));
  }
}

TEST_P(EventLogConformance, ReadersFollowWhileOthersAppend) {
  constexpr Offset kEvents = 2000;
  std::thread writer([&] {
    for (Offset at = 0; at < kEvents; at += 4) {
      std::vector<std::string> bodies;
      for (Offset i = at; i < at + 4; ++i) bodies.push_back(std::to_string(i));
      if (!driver().Append(stream_, bodies)) return;
    }
  });
  const auto follow = [&](int& wrong) {
    Offset next = 0;
    while (next < kEvents && log().WaitFor(stream_, next, Deadline::Never())) {
      const auto batch = log().Read(stream_, next, 100, 1u << 20u);
      if (!batch || batch->empty()) return void(++wrong);
      for (const auto& record : batch->records()) {
        if (record.body != std::to_string(record.offset)) ++wrong;
      }
      next = batch->next();
    }
  };
  int wrong[2] = {0, 0};
  std::thread reader([&] { follow(wrong[0]); });
  follow(wrong[1]);
  reader.join();
  writer.join();
  EXPECT_EQ(wrong[0], 0);
  EXPECT_EQ(wrong[1], 0);
}

TEST_P(EventLogConformance, GoesOnWhereItEndedAfterOpeningAgain) {
  std::vector<std::string> expected;
  for (int round = 0; round < 5; ++round) {
    expected.push_back("round " + std::to_string(round));
    ASSERT_THAT(driver().Append(stream_, {expected.back()}), Holds(expected.size()));
    Reopen();
    EXPECT_EQ(driver().ReadAll(stream_), expected);
    EXPECT_EQ(log().Stream(stream_)->next, expected.size());
  }
}

}  // namespace millrace::eventlog
