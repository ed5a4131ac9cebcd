#include "lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

using Stores = std::map<std::string, std::shared_ptr<SinkStore>>;
using testing::ElementsAre;
using testing::StartsWith;
using Fixture = PipelineFixture;

class LaneTest : public testing::Test {
 protected:
  LaneTest() {
    f_.AddTable("t", "order_id");
    f_.SetSql("SELECT order_id, note FROM changes");
    stores_["table.t"] = std::make_shared<SinkStore>();
  }
  SinkStore& store() { return *stores_["table.t"]; }
  void AddOrders(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = std::to_string(orders_++);
      f_.Insert("orders", id, Fixture::Order(id, "c", "1.00"));
    }
  }
  std::unique_ptr<Pipelines> Start() {
    std::vector<CompiledPipeline> compiled;
    compiled.push_back(f_.Compile());
    Options options;
    options.first_retry = options.last_retry = std::chrono::milliseconds(1);
    auto pipelines =
        std::make_unique<Pipelines>(std::move(compiled), f_.services(), options);
    EXPECT_TRUE(pipelines->Start(f_.factory(stores_)));
    return pipelines;
  }
  void ExpectEachOnce(Offset first, Offset next) {
    EXPECT_EQ(store().rows.size(), next - first);
    for (Offset at = first; at < next; ++at) EXPECT_TRUE(store().rows.contains(at)) << at;
  }

  Fixture f_;
  Stores stores_;
  int orders_ = 0;
};

TEST_F(LaneTest, BatchesByRows) {
  f_.pipeline.max_rows = 4;
  AddOrders(10);
  f_.RunToEnd(stores_);
  EXPECT_THAT(store().writes, ElementsAre(std::pair<Offset, Offset>(0, 4),
                                          std::pair<Offset, Offset>(4, 8),
                                          std::pair<Offset, Offset>(8, 10)));
}

TEST_F(LaneTest, BatchesByBytes) {
  f_.pipeline.max_bytes = 1;
  AddOrders(3);
  f_.RunToEnd(stores_);
  EXPECT_EQ(store().writes.size(), 3u);
}

TEST_F(LaneTest, GoesOnFromTheSinksPositionAfterEachBatch) {
  AddOrders(12);
  f_.pipeline.max_rows = 3;
  for (int die = 1; die <= 4; ++die) {
    // The sink takes `die` batches and is then gone for good, as in a crash.
    store().attempts = 0;
    store().before_write = [](int attempt) -> Status {
      if (attempt == 1) return {};
      return Fail(ErrorCode::kInternal, "gone");
    };
    f_.RunToEnd(stores_);
    EXPECT_EQ(store().position, static_cast<Offset>(die) * 3);
  }
  ExpectEachOnce(0, 12);
}

TEST_F(LaneTest, RollsGoOnFromWhatWasCommitted) {
  store().rolls = true;
  f_.pipeline.max_rows = 2;
  AddOrders(9);
  store().before_write = [](int attempt) -> Status {
    if (attempt % 4 != 3) return {};
    return Fail(ErrorCode::kUnavailable, "the roll is lost");
  };
  auto pipelines = Start();
  AddOrders(1);
  while (pipelines->status()[0].sinks[0].state != "running") {
    std::this_thread::yield();
  }
  // Every attempt falls back to 0; when the failures end, one roll takes all.
  {
    const std::lock_guard lock(store().mutex);
    store().before_write = nullptr;
  }
  EXPECT_TRUE(pipelines->Stop(Deadline::After(std::chrono::seconds(20))));
  const Offset position = *store().position;
  ExpectEachOnce(0, position);
  pipelines.reset();
  f_.log.Reset();
  f_.RunToEnd(stores_);
  ExpectEachOnce(0, 10);
}

TEST_F(LaneTest, RetriesInOrder) {
  AddOrders(6);
  f_.pipeline.max_rows = 2;
  store().before_write = [](int attempt) -> Status {
    if (attempt % 3 == 1) return Fail(ErrorCode::kUnavailable, "down");
    if (attempt % 3 == 2) return Fail(ErrorCode::kResourceExhausted, "full");
    return {};
  };
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.state, "done");
  EXPECT_EQ(store().attempts, 9);
  ExpectEachOnce(0, 6);
  EXPECT_TRUE(f_.state->letters().List({})->letters.empty());
}

TEST_F(LaneTest, AValueThatReadsLikeAnErrorOfTheSystemIsALetter) {
  f_.SetSql("SELECT order_id, CAST(note AS INTEGER) AS note FROM changes");
  constexpr const char* kNotes[] = {"1", "No space left on device", "2",
                                    "No magic bytes found", "failed to pin block"};
  for (const char* note : kNotes) {
    const auto id = std::to_string(orders_++);
    f_.Insert("orders", id, Fixture::Order(id, "c", "1.00", note));
  }
  EXPECT_EQ(f_.RunToEnd(stores_).state, "done");
  EXPECT_EQ(store().rows.size(), 2u);
  const auto letters = f_.state->letters().List({})->letters;
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_EQ(letters[0].offset, 1u);
  EXPECT_THAT(letters[0].reason, testing::HasSubstr("No space left on device"));
}

TEST_F(LaneTest, StartsWhereItIsTold) {
  AddOrders(3);
  f_.pipeline.start = project::Start::kLatest;
  f_.RunToEnd(stores_);
  EXPECT_THAT(store().starts, ElementsAre(3u));
  EXPECT_TRUE(store().rows.empty());
  AddOrders(2);
  f_.RunToEnd(stores_);
  EXPECT_THAT(store().starts, ElementsAre(3u)) << "resolved once";
  ExpectEachOnce(3, 5);
}

TEST_F(LaneTest, EarliestIsWhatTheLogStillHas) {
  AddOrders(5);
  f_.log.Trim("orders", 2);
  f_.RunToEnd(stores_);
  EXPECT_THAT(store().starts, ElementsAre(2u));
  ExpectEachOnce(2, 5);
}

TEST_F(LaneTest, StopsWithANamedReason) {
  struct Case {
    const char* name;
    Error error;
    const char* reason;
  };
  const Case cases[] = {
      {"fenced", {ErrorCode::kFenced, "another writer"}, "fenced: another writer"},
      {"damaged", {ErrorCode::kDataLoss, "bad page"}, "data_loss: bad page"},
      {"bug", {ErrorCode::kInternal, "oops"}, "internal: oops"},
  };
  AddOrders(1);
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    store().before_write = [&](int) -> Status { return Fail(c.error); };
    const auto status = f_.RunToEnd(stores_);
    EXPECT_EQ(status.state, "stopped");
    EXPECT_EQ(status.reason, c.reason);
    EXPECT_EQ((*f_.state->Pipelines())[0].sinks[0].reason, c.reason);
  }
}

TEST_F(LaneTest, StopsWhenTheLogDoesNotFitTheSink) {
  AddOrders(5);
  store().position = 7;
  EXPECT_THAT(f_.RunToEnd(stores_).reason, StartsWith("source_went_back: "));
  store().position = 1;
  f_.log.Trim("orders", 2);
  EXPECT_THAT(f_.RunToEnd(stores_).reason, StartsWith("position_lost: "));
  store().columns = {{"other", {}}};
  EXPECT_THAT(f_.RunToEnd(stores_).reason, StartsWith("schema_changed: "));
  store().position = 3;
  EXPECT_EQ(f_.RunToEnd(stores_).sinks[0].position, 3u) << "stopped, and not at 0";
  EXPECT_TRUE(store().rows.empty());
}

TEST_F(LaneTest, FlushesADueRoll) {
  store().rolls = true;
  store().roll_every = std::chrono::milliseconds(5);
  auto pipelines = Start();
  AddOrders(2);
  store().WaitForPosition(2);
  EXPECT_TRUE(pipelines->Stop(Deadline::After(std::chrono::seconds(20))));
}

TEST_F(LaneTest, ClosesOpenRollsOnStop) {
  store().rolls = true;
  auto pipelines = Start();
  AddOrders(2);
  {
    std::unique_lock lock(store().mutex);
    while (store().writes.empty()) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
  }
  EXPECT_TRUE(pipelines->Stop(Deadline::After(std::chrono::seconds(20))));
  EXPECT_EQ(store().position, store().writes.back().second);
  const auto status = pipelines->status();
  EXPECT_EQ(status[0].state, "finished");
  EXPECT_EQ((*f_.state->Pipelines())[0].sinks[0].position, store().position);
}

TEST_F(LaneTest, RunsAFixedNumberOfRecords) {
  AddOrders(10);
  for (const Offset expected : {4u, 8u, 10u}) {
    std::vector<CompiledPipeline> compiled;
    compiled.push_back(f_.Compile());
    Pipelines pipelines(std::move(compiled), f_.services());
    const auto status = pipelines.Run("p", {.max_records = 4}, f_.factory(stores_));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->state, "done");
    EXPECT_EQ(status->position, expected);
    EXPECT_EQ(status->lag_events, 10 - expected);
  }
  Pipelines none({}, f_.services());
  EXPECT_EQ(none.Run("q", {}, f_.factory(stores_)).error().code(), ErrorCode::kNotFound);
}

TEST_F(LaneTest, ALimitCountsNoDeadLetters) {
  f_.SetSql("SELECT order_id, note::integer AS n FROM changes");
  for (int i = 0; i < 10; ++i) {
    const auto id = "o" + std::to_string(i);
    f_.Insert("orders", id, PipelineFixture::Order(id, "c", "1.00", i < 3 ? "x" : "1"));
  }
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f_.Compile());
  Pipelines pipelines(std::move(compiled), f_.services());
  const auto status = pipelines.Run("p", {.max_records = 4}, f_.factory(stores_));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->state, "done");
  EXPECT_EQ(status->dead_letters, 3u);
  EXPECT_EQ(store().rows.size(), 4u);
  EXPECT_EQ(status->position, 7u);
}

TEST_F(LaneTest, TellsTheLogWhatItStillNeeds) {
  AddOrders(4);
  f_.pipeline.max_rows = 3;
  store().before_write = [](int attempt) -> Status {
    if (attempt == 1) return {};
    return Fail(ErrorCode::kFenced, "gone");
  };
  f_.RunToEnd(stores_);
  EXPECT_EQ(f_.log.readers().at("p/table.t@orders"), 3u);
}

TEST_F(LaneTest, LettersAreStoredBeforeThePositionMoves) {
  f_.SetSql("SELECT order_id, note::integer AS n FROM changes");
  AddOrders(1);
  store().before_write = [&](int) -> Status {
    EXPECT_EQ(f_.state->letters().List({})->letters.size(), 1u);
    return Fail(ErrorCode::kInternal, "crash");
  };
  f_.RunToEnd(stores_);
  store().before_write = nullptr;
  EXPECT_EQ(f_.RunToEnd(stores_).state, "done");
  const auto letters = f_.state->letters().List({})->letters;
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].attempts, 2u);
}

TEST_F(LaneTest, EachSinkHasItsOwnPosition) {
  f_.AddLake("l");
  stores_["lake.l"] = std::make_shared<SinkStore>();
  AddOrders(3);
  store().before_write = [](int) -> Status { return Fail(ErrorCode::kFenced, "x"); };
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.state, "stopped");
  EXPECT_EQ(status.position, 0u);
  EXPECT_EQ(status.lag_events, 3u);
  EXPECT_EQ(stores_["lake.l"]->position, 3u);
  EXPECT_EQ(stores_["lake.l"]->rows.size(), 3u);
}

TEST_F(LaneTest, PausesBetweenTwoBatchesAndGoesOnWithAnotherSink) {
  auto pipelines = Start();
  AddOrders(3);
  store().WaitForPosition(3);
  const auto paused =
      pipelines->WhilePaused("p", "table.t", [&](const SinkStatus& now) -> Status {
        EXPECT_EQ(now.position, 3u);
        AddOrders(2);
        // As if a table that was built anew took its place, one event behind.
        const std::lock_guard lock(store().mutex);
        EXPECT_EQ(store().position, 3u);
        store().rows.clear();
        store().position = 2;
        return {};
      });
  EXPECT_TRUE(paused);
  store().WaitForPosition(5);
  pipelines.reset();
  ExpectEachOnce(2, 5);
}

TEST_F(LaneTest, APauseLeavesTheOtherSinkAlone) {
  f_.AddLake("history");
  stores_["lake.history"] = std::make_shared<SinkStore>();
  auto pipelines = Start();
  AddOrders(1);
  store().WaitForPosition(1);
  stores_["lake.history"]->WaitForPosition(1);
  EXPECT_TRUE(
      pipelines->WhilePaused("p", "table.t", [](const auto&) { return Status(); }));
  AddOrders(1);
  stores_["lake.history"]->WaitForPosition(2);
}

TEST_F(LaneTest, APauseStartsASinkThatHadStopped) {
  store().before_write = [](int attempt) -> Status {
    if (attempt > 1) return {};
    return Fail(ErrorCode::kInternal, "broken");
  };
  auto pipelines = Start();
  AddOrders(2);
  while (pipelines->status()[0].sinks[0].state != "stopped") std::this_thread::yield();
  const auto mended =
      pipelines->WhilePaused("p", "table.t", [](const SinkStatus& now) -> Status {
        EXPECT_EQ(now.state, "stopped");
        return Fail(ErrorCode::kNotFound, "what work says");
      });
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().code(), ErrorCode::kNotFound);
  store().WaitForPosition(2);
  pipelines.reset();
  ExpectEachOnce(0, 2);
  EXPECT_FALSE(
      Start()->WhilePaused("p", "table.x", [](const auto&) { return Status(); }));
}

TEST_F(LaneTest, RunsToGivenOffsetsAndCanBeCancelled) {
  AddOrders(7);
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f_.Compile());
  Pipelines pipelines(std::move(compiled), f_.services());
  EXPECT_FALSE(pipelines.Prepare("other", f_.factory(stores_)));
  ASSERT_TRUE(pipelines.Prepare("p", f_.factory(stores_)));
  for (const Offset end : {3u, 3u, 5u}) {
    const auto status = pipelines.RunTo("p", "table.t", end);
    ASSERT_TRUE(status) << status.error().ToString();
    EXPECT_EQ(status->position, end);
    EXPECT_EQ(status->state, "done");
  }
  ExpectEachOnce(0, 5);
  pipelines.Cancel();
  EXPECT_FALSE(pipelines.RunTo("p", "table.t", 7));
}

}  // namespace
}  // namespace millrace::pipeline
