#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace millrace::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Registry, RendersFamiliesInOrderOfNameWithHelpTypeAndEscapedLabels) {
  Registry registry;
  registry.AddGauge("b_depth", "Depth\nof it.").Set(-3);
  registry.AddCounter("a_total", "Count.", {{"route", "x\"\\\n"}, {"method", "GET"}})
      .Add(2);
  EXPECT_EQ(registry.Render(),
            "# HELP a_total Count.\n# TYPE a_total counter\n"
            "a_total{route=\"x\\\"\\\\\\n\",method=\"GET\"} 2\n"
            "# HELP b_depth Depth\\nof it.\n# TYPE b_depth gauge\nb_depth -3\n");
}

TEST(Registry, GivesTheSameObjectForTheSameNameAndLabels) {
  Registry registry;
  Counter& first = registry.AddCounter("a_total", "A.", {{"k", "v"}});
  EXPECT_EQ(&first, &registry.AddCounter("a_total", "A.", {{"k", "v"}}));
  EXPECT_NE(&first, &registry.AddCounter("a_total", "A.", {{"k", "w"}}));
}

TEST(Registry, EndsTheProcessWhenANameChangesItsType) {
  Registry registry;
  registry.AddCounter("a_total", "A.");
  EXPECT_DEATH(registry.AddGauge("a_total", "A."), "two types");
}

TEST(Registry, CountsFromManyThreads) {
  Registry registry;
  Counter& counter = registry.AddCounter("a_total", "A.");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&counter] {
        for (int i = 0; i < 1000; ++i) counter.Add();
      });
    }
  }
  EXPECT_EQ(counter.value(), 4000u);
}

TEST(Registry, EvaluatesACallbackAtEachScrapeUntilItsHandleIsGone) {
  Registry registry;
  double value = 1.5;
  {
    auto handle = registry.AddCallback(Registry::CallbackKind::kGauge, "lag_seconds",
                                       "Lag.", {{"p", "x"}}, [&value] { return value; });
    EXPECT_THAT(registry.Render(), HasSubstr("lag_seconds{p=\"x\"} 1.5\n"));
    value = 2;
    CallbackHandle moved = std::move(handle);
    EXPECT_THAT(registry.Render(), HasSubstr("lag_seconds{p=\"x\"} 2\n"));
  }
  EXPECT_THAT(registry.Render(), Not(HasSubstr("lag_seconds")));
}

TEST(CallbackHandle, MayOutliveItsRegistry) {
  CallbackHandle handle;
  {
    Registry registry;
    handle = registry.AddCallback(Registry::CallbackKind::kGauge, "a", "A.", {},
                                  [] { return 0.0; });
  }
}

TEST(Histogram, PutsAValueIntoTheFirstBucketWhoseBoundHoldsIt) {
  Histogram histogram(2);
  for (const std::uint64_t raw : {0u, 4u, 5u, 8u, 9u}) histogram.Observe(raw);
  histogram.Observe(~std::uint64_t{0} / 2);
  EXPECT_EQ(histogram.Bound(0), 4u);
  EXPECT_EQ(histogram.InBucket(0), 2u);
  EXPECT_EQ(histogram.InBucket(1), 2u);
  EXPECT_EQ(histogram.InBucket(2), 1u);
  EXPECT_EQ(histogram.InBucket(Histogram::kBuckets - 1), 1u);
}

TEST(Histogram, RendersCumulativeBucketsInSeconds) {
  Registry registry;
  Histogram& histogram = registry.AddDurations("wait_seconds", "Wait.", {{"p", "x"}});
  histogram.Observe(std::chrono::microseconds(10));
  histogram.Observe(std::chrono::microseconds(20));
  histogram.Observe(std::chrono::seconds(100));
  const auto text = registry.Render();
  EXPECT_THAT(text, HasSubstr("# TYPE wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{p=\"x\",le=\"1.6384e-05\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{p=\"x\",le=\"3.2768e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{p=\"x\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_count{p=\"x\"} 3\n"));
}

TEST(ProcessMetrics, ReadsThisProcess) {
  Registry registry;
  const auto handles = AddProcessMetrics(registry);
  const auto text = registry.Render();
  for (const char* name :
       {"process_cpu_seconds_total ", "process_resident_memory_bytes ",
        "process_virtual_memory_bytes ", "process_open_fds ", "process_max_fds ",
        "process_threads ", "process_start_time_seconds "}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name));
  }
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace millrace::telemetry
