#include "base/failpoint.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "base/file.hpp"

namespace millrace {
namespace {

// The plan is read once a process, so each case gets one of its own.

void ArmAndHit(const char* plan, const char* name, int times) {
  setenv("MILLRACE_FAILPOINT", plan, 1);
  for (int i = 0; i < times; ++i) HitFailPoint(name);
  std::exit(0);
}

TEST(FailPointDeathTest, KillsAtTheNthHit) {
  EXPECT_EXIT(ArmAndHit("log:after:kill:3", "log:after", 3),
              testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(ArmAndHit("log:after:kill:3", "log:after", 2), testing::ExitedWithCode(0),
              "");
  EXPECT_EXIT(ArmAndHit("log:after:kill:1", "other", 5), testing::ExitedWithCode(0), "");
}

TEST(FailPointDeathTest, RefusesAPlanItCannotRead) {
  for (const auto* plan : {"name", "name:kill", "name:explode:1", "name:kill:x"}) {
    EXPECT_EXIT(ArmAndHit(plan, "name", 1), testing::KilledBySignal(SIGABRT),
                "name:kill:N");
  }
}

TEST(FailPointDeathTest, FailsOnce) {
  const auto hit = [] {
    setenv("MILLRACE_FAILPOINT", "disk:error:2", 1);
    int code = 0;
    for (int i = 0; i < 4; ++i) code = code * 2 + (HitFailPointError("disk") ? 1 : 0);
    std::exit(code);
  };
  EXPECT_EXIT(hit(), testing::ExitedWithCode(4), "");
}

TEST(FailPointDeathTest, TracesEachNameOnce) {
  const auto path = testing::TempDir() + "mr_failpoint_trace";
  std::filesystem::remove(path);
  const auto hit = [&] {
    setenv("MILLRACE_FAILPOINT_TRACE", path.c_str(), 1);
    HitFailPoint("one");
    HitFailPoint("two");
    HitFailPoint("one");
    std::exit(0);
  };
  EXPECT_EXIT(hit(), testing::ExitedWithCode(0), "");
  EXPECT_EQ(ReadFile(path).value(), "one\ntwo\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace millrace
