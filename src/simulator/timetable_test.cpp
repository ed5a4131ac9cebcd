#include "simulator/timetable.hpp"

#include <gmock/gmock.h>

#include "fake_shop.hpp"
#include "simulator/random.hpp"

namespace millrace::simulator {
namespace {

using std::chrono::microseconds;

TEST(Random, IsTheSameOnEveryMachine) {
  Random random(7);
  EXPECT_EQ(random.Hex(24), "7c2ba16e19bce068f758fddf");
  Random known(1234567);  // the published vector of splitmix64
  EXPECT_EQ(known.Next(), 6457827717110365317U);
  EXPECT_EQ(known.Next(), 3203168211198807973U);
  EXPECT_EQ(Random(7).Next(), Random(7).Next());
  EXPECT_NE(Random(7).Next(), Random(8).Next());
}

TEST(Random, GivesEachNumberOfARangeEquallyOften) {
  Random random(1);
  std::map<std::int64_t, int> seen;
  for (int i = 0; i < 50'000; ++i) ++seen[random.Between(1, 5)];
  ASSERT_EQ(seen.size(), 5U);
  for (const auto& [number, count] : seen) {
    EXPECT_NEAR(count, 10'000, 400) << number;
  }
}

TEST(Random, MoneyHasAtMostTwoDecimals) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random.Money(1'000, 11'000);
    const auto point = text.find('.');
    EXPECT_TRUE(point == std::string::npos || text.size() - point <= 3) << text;
    EXPECT_GE(std::stod(text), 10.0);
    EXPECT_LT(std::stod(text), 110.0);
  }
}

TEST(Timetable, RunsByTimeThenAsAdded) {
  Timetable timetable;
  std::string order;
  const auto work = [&order](char name) {
    return [&order, name] {
      order += name;
      return Done{std::string(1, name), {}};
    };
  };
  timetable.Every(Elapsed(8'000), work('b'));
  timetable.Every(Elapsed(4'000), work('a'));
  timetable.Every(Elapsed(1'000), work('c'), Elapsed(10'000));
  const auto summary = RunFor(timetable, Elapsed(12'000));
  EXPECT_EQ(order,
            "abaca"
            "c");
  EXPECT_EQ(summary.simulated, Elapsed(12'000));
  EXPECT_THAT(
      summary.operations,
      testing::ElementsAre(std::pair("a", 3), std::pair("b", 1), std::pair("c", 2)));
}

TEST(Timetable, SpeedDividesTheTimeBetween) {
  Timetable timetable;
  timetable.Every(Elapsed(6'000), [] { return Done{"x", {}}; });
  FakePacer pacer;
  RunOptions options;
  options.speed = 60;
  options.count = 3;
  RunTimetable(timetable, pacer, options, {});
  EXPECT_THAT(pacer.waits,
              testing::ElementsAre(microseconds(100'000), microseconds(200'000),
                                   microseconds(300'000)));
}

TEST(Timetable, RateTakesNoNoticeOfTheTimetable) {
  Timetable timetable;
  timetable.Every(Elapsed(6'000), [] { return Done{"x", {}}; });
  FakePacer pacer;
  RunOptions options;
  options.rate = 100;
  options.count = 2;
  RunTimetable(timetable, pacer, options, {});
  EXPECT_THAT(pacer.waits,
              testing::ElementsAre(microseconds(10'000), microseconds(20'000)));
}

TEST(Timetable, EndsWhenThePacerIsStopped) {
  Timetable timetable;
  timetable.Every(Elapsed(6'000), [] { return Done{"x", {}}; });
  FakePacer pacer;
  pacer.stop_after = 4;
  EXPECT_EQ(RunTimetable(timetable, pacer, {}, {}).accepted, 4U);
}

TEST(Timetable, AFailureIsToldAndDoesNotStopTheOthers) {
  Timetable timetable;
  timetable.Every(Elapsed(1'000),
                  [] { return Done{"bad", Fail(ErrorCode::kUnavailable, "no answer")}; });
  timetable.Every(Elapsed(1'000), [] { return Done{"good", {}}; });
  timetable.Every(Elapsed(1'000), [] { return Done{}; });
  FakePacer pacer;
  RunOptions options;
  options.duration = Elapsed(2'000);
  std::string told;
  const auto summary = RunTimetable(timetable, pacer, options,
                                    [&](const std::string& what, const Error& error) {
                                      told += what + ": " + error.message() + "; ";
                                    });
  EXPECT_EQ(told, "bad: no answer; bad: no answer; ");
  EXPECT_EQ(summary.accepted, 2U);
  EXPECT_EQ(summary.failed, 2U);
  EXPECT_EQ(summary.idle, 2U);
  EXPECT_EQ(summary.ToJson(),
            R"({"accepted":2,"failed":2,"idle":2,"simulated_seconds":2,"seconds":0.000,)"
            R"("operations":{"good":2},"last_failure":"no answer"})");
}

}  // namespace
}  // namespace millrace::simulator
