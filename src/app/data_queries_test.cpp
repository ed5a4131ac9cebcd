#include "data_queries.hpp"

#include <gmock/gmock.h>

namespace millrace::app {
namespace {

using testing::HasSubstr;

PipelineState Pipeline(std::vector<SinkState> sinks) {
  PipelineState state;
  state.name = "orders_now";
  state.stream = "orders";
  state.committed = 10;
  state.sinks = std::move(sinks);
  return state;
}

SinkState Sink(std::string name, std::string state, Offset position,
               std::uint64_t letters = 0) {
  return {std::move(name), std::move(state), "", position, true, letters};
}

TEST(StatusJson, IsAnEmptyArrayWithoutPipelines) { EXPECT_EQ(StatusJson({}), "[]"); }

TEST(StatusJson, CountsToTheSlowestSink) {
  const auto json = StatusJson(
      {Pipeline({Sink("table.a", "running", 10, 1), Sink("lake.b", "running", 4, 2)})});
  EXPECT_THAT(json,
              HasSubstr(R"("position":4,"end":10,"lag_events":6,"dead_letters":3)"));
  EXPECT_THAT(json, HasSubstr(R"("sink":"lake.b","state":"running","position":4)"));
}

TEST(StatusJson, SaysTheWorstStateOfTheSinks) {
  struct Case {
    const char* name;
    const char* first;
    const char* second;
    const char* worst;
  };
  const Case cases[] = {
      {"all well", "running", "running", "running"},
      {"one retries", "running", "retrying", "retrying"},
      {"one starts", "running", "starting", "starting"},
      {"one stopped", "retrying", "stopped", "stopped"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto json = StatusJson(
        {Pipeline({Sink("table.a", c.first, 1), Sink("lake.b", c.second, 1)})});
    EXPECT_THAT(json, HasSubstr(R"({"pipeline":"orders_now","state":")" +
                                std::string(c.worst) + "\""));
  }
}

TEST(StatusJson, ASinkAheadOfAnOldCountHasNoLag) {
  EXPECT_THAT(
      StatusJson({Pipeline({Sink("table.a", "running", 12)})}),
      HasSubstr(R"("sink":"table.a","state":"running","position":12,"lag_events":0)"));
}

}  // namespace
}  // namespace millrace::app
