#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "eventlog/testing/conformance_fixture.hpp"

/// What event_log.hpp promises of positions: part of conformance.hpp.
namespace millrace::eventlog {

TEST_P(EventLogConformance, WritesABatchOnlyAfterItsPosition) {
  const auto first = LogDriver::Batch(stream_, {"a"}, {});
  ASSERT_TRUE(log().Append(first, Deadline::Never()));
  const auto repeated = log().Append(first, Deadline::Never());
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().code(), ErrorCode::kConflict);
  const auto ahead =
      log().Append(LogDriver::Batch(stream_, {"c"}, {0, 2}), Deadline::Never());
  ASSERT_FALSE(ahead);
  EXPECT_EQ(ahead.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(log().LastPosition(stream_, "src"), Holds((Position{0, 1})));
  EXPECT_THAT(driver().ReadAll(stream_), testing::ElementsAre("a"));
}

TEST_P(EventLogConformance, KeepsThePositionOfEachSourceAlsoAcrossOpening) {
  ASSERT_TRUE(log().Append({stream_, "one", {}, {7, 9}, {"a"}}, Deadline::Never()));
  ASSERT_TRUE(log().Append({stream_, "two", {}, {1, 2}, {"b"}}, Deadline::Never()));
  ASSERT_TRUE(log().Append({stream_, "one", {7, 9}, {8, 0}, {"c"}}, Deadline::Never()));
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(log().LastPosition(stream_, "one"), Holds((Position{8, 0})));
    EXPECT_THAT(log().LastPosition(stream_, "two"), Holds((Position{1, 2})));
    EXPECT_THAT(log().LastPosition(stream_, "three"), Holds(Position{}));
    EXPECT_THAT(log().LastPosition({"", "other"}, "one"), Holds(Position{}));
    Reopen();
  }
}

TEST_P(EventLogConformance, FindsTheAppendThatBroughtAPosition) {
  // Two sources in turns, batches of different sizes, steps of different length.
  struct Appended {
    std::string source;
    Position after, upto;
    Offset first;
    std::vector<std::string> bodies;
  };
  std::vector<Appended> all;
  std::map<std::string, Position> last;
  Offset next = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::string source = i % 3 == 0 ? "two" : "one";
    auto& after = last[source];
    Appended one{source, after, {i / 40, after.low + 1 + i % 5}, next, {}};
    const auto size = i % 7 == 0 ? 9'000u : 10u;
    for (std::uint64_t n = 0; n <= i % 4; ++n)
      one.bodies.emplace_back(size, 'a' + i % 26);
    const std::vector<std::string_view> views(one.bodies.begin(), one.bodies.end());
    ASSERT_TRUE(
        log().Append({stream_, source, one.after, one.upto, views}, Deadline::Never()));
    after = one.upto;
    next += one.bodies.size();
    all.push_back(std::move(one));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& one : all) {
      for (const auto& position :
           {one.upto, Position{one.after.high, one.after.low + 1}}) {
        if (position > one.upto) continue;
        const auto found = log().Find(stream_, one.source, position);
        ASSERT_TRUE(found) << found.error().ToString();
        ASSERT_EQ(found->records().size(), one.bodies.size());
        for (std::size_t i = 0; i < one.bodies.size(); ++i) {
          EXPECT_EQ(found->records()[i].offset, one.first + i);
          EXPECT_TRUE(found->records()[i].body == one.bodies[i]);
        }
      }
    }
    Reopen();
  }
}

TEST_P(EventLogConformance, FindsNothingBeyondASourcesLastPosition) {
  ASSERT_TRUE(log().Append({stream_, "src", {}, {0, 4}, {"a", "b"}}, Deadline::Never()));
  const auto beyond = log().Find(stream_, "src", {0, 5});
  ASSERT_TRUE(beyond);
  EXPECT_TRUE(beyond->empty());
  EXPECT_TRUE(log().Find(stream_, "other", {0, 1})->empty());
  EXPECT_TRUE(log().Find({"", "unknown"}, "src", {0, 1})->empty());
  EXPECT_EQ(log().Find(stream_, "src", {}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(log().Find(stream_, "", {0, 1}).error().code(), ErrorCode::kInvalidArgument);
}

TEST_P(EventLogConformance, OnlyOneOfManyRivalsWithOnePositionWins) {
  std::atomic<int> won = 0;
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto batch = LogDriver::Batch(stream_, {"x"}, {});
      const auto appended = log().Append(batch, Deadline::Never());
      if (appended) ++won;
      if (!appended && appended.error().code() == ErrorCode::kConflict) ++conflicts;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(conflicts, 7);
  EXPECT_THAT(driver().ReadAll(stream_), testing::ElementsAre("x"));
}

}  // namespace millrace::eventlog
