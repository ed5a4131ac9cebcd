#include <gtest/gtest.h>

#include <thread>

#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

/// As while a table that was built anew is exchanged: all else goes on meanwhile.
TEST(WhilePaused, KeepsNothingElseWaiting) {
  PipelineFixture f;
  f.AddTable("t", "order_id");
  f.SetSql("SELECT order_id, note FROM changes");
  f.AddRule("note <> 'bad'");
  f.Insert("orders", "b", PipelineFixture::Order("b", "c", "1.00", "bad"));
  std::map<std::string, std::shared_ptr<SinkStore>> stores;
  f.RunToEnd(stores);
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f.Compile());
  Pipelines pipelines(std::move(compiled), f.services());
  ASSERT_TRUE(pipelines.Start(f.factory(stores)));
  Result<RedriveStarted> started;
  const auto paused =
      pipelines.WhilePaused("p", "table.t", [&](const SinkStatus&) -> Status {
        started = pipelines.Redrive({});
        const auto status = pipelines.status();
        EXPECT_EQ(status.size(), 1u);
        EXPECT_TRUE(status.at(0).redrives.empty()) << "into what is being exchanged";
        return Fail(ErrorCode::kConflict, "what work says");
      });
  EXPECT_EQ(paused.error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(started) << started.error().ToString();
  EXPECT_EQ(pipelines.status().at(0).redrives.size(), 1u);
  const auto died = [&] { return f.state->letters().CountRun(started->run)->died; };
  const auto deadline = Deadline::After(std::chrono::seconds(60));
  while (died() == 0 && !deadline.expired()) std::this_thread::yield();
  EXPECT_EQ(died(), 1u) << "it is bad still";
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
}

}  // namespace
}  // namespace millrace::pipeline
