#include "letters_fixture.hpp"
#include "redrive_entry.hpp"
#include "redrive_source.hpp"
#include "redriver.hpp"

namespace millrace::pipeline {
namespace {

using testing::ElementsAre;

/// They die nowhere else: the lake takes them.
class RedriveTest : public LettersFixture {
 protected:
  RedriveTest() { f_.AddLake("history"); }
  std::vector<std::string> States() { return LettersFixture::States("table.t"); }
  void MendAll() {
    DeadLetterFilter filter;
    const auto page = letters().List(filter);
    std::vector<DeadLetters::Mend> mends;
    for (const auto& letter : page->letters) {
      std::string body = letter.payload;
      const auto at = body.find("\"bad\"");
      if (at != std::string::npos) body.replace(at, 5, "\"mended\"");
      mends.push_back({letter.id, body, "note = 'mended'"});
    }
    ASSERT_TRUE(letters().SetMended(mends));
  }
  /// Redrives what `filter` selects, without a server.
  PipelineStatus Redrive(const LetterFilter& filter = {}) {
    Pipelines pipelines = MakePipelines();
    const auto started = pipelines.Redrive(filter);
    EXPECT_TRUE(started) << started.error().ToString();
    run_ = started->run;
    auto status = pipelines.Run("p", {}, f_.factory(stores_));
    EXPECT_TRUE(status) << status.error().ToString();
    return *status;
  }
  SinkStore& redriven() { return *stores_["table.t#1"]; }
  static LetterFilter OfTable() {
    LetterFilter filter;
    filter.sink = "table.t";
    return filter;
  }

  std::uint64_t run_ = 0;
};

TEST_F(RedriveTest, TakesMendedEventsToTheSinkThatRefusedThem) {
  Add("a", "x");
  Add("b", "bad");
  Add("c", "x");
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:open"));
  EXPECT_FALSE(stores_.contains("table.t#1")) << "nothing is opened for nothing";
  MendAll();
  const auto status = Redrive(OfTable());
  EXPECT_THAT(States(), ElementsAre("b:applied"));
  ASSERT_EQ(redriven().rows.size(), 1u);
  EXPECT_THAT(redriven().rows.at(1), testing::HasSubstr(R"("note":"mended")"))
      << "under the offset of its own event";
  EXPECT_FALSE(stores_.contains("lake.history#1")) << "the other sink takes nothing";
  EXPECT_EQ(status.sinks[0].dead_letters, 0u);
  EXPECT_EQ(status.sinks[1].dead_letters, 1u);
  const auto counts = letters().CountRun(run_);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->applied, 1u);
}

TEST_F(RedriveTest, WhatDiesAgainStaysWithItsNewReason) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  Redrive(OfTable());
  DeadLetterFilter filter;
  filter.sink = "table.t";
  const auto letter = letters().List(filter)->letters.at(0);
  EXPECT_EQ(letter.state, LetterState::kOpen);
  EXPECT_EQ(letter.attempts, 2u);
  EXPECT_EQ(letters().CountRun(run_)->died, 1u);
  EXPECT_TRUE(redriven().rows.empty());
  // Again, mended: the place of the first time counts no more.
  MendAll();
  Redrive(OfTable());
  EXPECT_THAT(States(), ElementsAre("b:applied"));
  EXPECT_EQ(redriven().rows.size(), 1u);
}

TEST_F(RedriveTest, GoesInOrderOfVersions) {
  for (const char* note : {"bad", "bad", "bad"}) Add("b", note);
  f_.RunToEnd(stores_);
  MendAll();
  Redrive(OfTable());
  std::vector<Offset> offsets;
  const auto batch = f_.log.Read({"", "_redrive.p"}, 0, 10, 1u << 20u);
  for (const auto& record : batch->records())
    offsets.push_back(ParseRedriveEntry(record.body)->offset);
  EXPECT_THAT(offsets, ElementsAre(0u, 1u, 2u));
}

TEST_F(RedriveTest, AnEventThatNoLetterNamesIsPassedOver) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  // As after a crash between an append and what was to be said of it.
  std::string body;
  AppendRedriveEntry(body, {1, 0, "table.t", letters().Load({1})->at(0).payload});
  f_.log.Add("_redrive.p", body);
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:open"));
}

TEST_F(RedriveTest, LettersWithoutAnEventAreOpenedAgain) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  const auto ids = letters().Open(OfTable());
  ASSERT_TRUE(letters().Claim(*ids, 0, 1));  // and then the process was killed
  EXPECT_THAT(States(), ElementsAre("b:sent"));
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:open"));
}

TEST_F(RedriveTest, EventsOfOneOffsetInTwoStreamsComeInTwoBatches) {
  // As the letters of a snapshot's row and of a change.
  std::vector<DeadLetter> both(2);
  for (std::size_t i = 0; i < both.size(); ++i) {
    both[i].pipeline = "p";
    both[i].sink = "table.t";
    both[i].event_id = std::to_string(i);
    both[i].offset = 7;
    std::string body;
    AppendRedriveEntry(body, {static_cast<std::int64_t>(i) + 1, 7, "table.t", "{}"});
    f_.log.Add(RedriveStream("p"), body);
  }
  ASSERT_TRUE(letters().Put(both));
  ASSERT_TRUE(letters().Claim({1, 2}, 0, 1));
  RedriveSource source("p", "table.t", letters());
  auto batch = *f_.log.Read({"", RedriveStream("p")}, 0, 10, 1'000);
  EXPECT_EQ(source.Take(batch)->size(), 1u);
  EXPECT_EQ(batch.next(), 1u);
  auto rest = *f_.log.Read({"", RedriveStream("p")}, 1, 10, 1'000);
  EXPECT_EQ(source.Take(rest)->size(), 1u);
  EXPECT_EQ(rest.next(), 2u);
}

TEST_F(RedriveTest, WhatASinkTookIsToldAfterACrash) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  MendAll();
  Redrive(OfTable());
  // As if the process had been killed after the sink's commit.
  ASSERT_TRUE(letters().Resend("p", "table.t"));
  EXPECT_THAT(States(), ElementsAre("b:sent"));
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:applied"));
  EXPECT_EQ(redriven().rows.size(), 1u);
  EXPECT_EQ(redriven().writes.size(), 1u) << "written once";
}

TEST_F(RedriveTest, ASinkThatIsOlderThanItsLettersGetsItsRedrivenEventsAgain) {
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  MendAll();
  LetterFilter one = OfTable();
  one.key = "b";
  Redrive(one);
  one.key = "c";
  Redrive(one);
  EXPECT_THAT(States(), ElementsAre("b:applied", "c:applied"));
  // As in a backup, for which the sink was copied between the two.
  redriven().position = 1;
  redriven().rows.erase(1);
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:applied", "c:applied"));
  EXPECT_EQ(redriven().rows.size(), 2u);
  EXPECT_EQ(redriven().writes.size(), 3u) << "the first is not written again";
}

TEST_F(RedriveTest, ASinkThatIsBuiltAnewGetsItsRedrivenEventsToo) {
  Add("a", "x");
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  MendAll();
  LetterFilter one = OfTable();
  one.key = "b";
  Redrive(one);
  EXPECT_THAT(States(), ElementsAre("b:applied", "c:open"));
  stores_.erase("table.t");
  stores_.erase("table.t#1");
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:applied", "c:open"));
  EXPECT_EQ(stores_["table.t"]->rows.size(), 1u);
  EXPECT_EQ(redriven().rows.size(), 1u);
}

TEST_F(RedriveTest, ARebuildThatNeedsNoMendingTakesNothingTwice) {
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  MendAll();
  LetterFilter one = OfTable();
  one.key = "b";
  Redrive(one);
  f_.pipeline.require.clear();
  stores_.erase("table.t");
  stores_.erase("table.t#1");
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:rebuilt", "c:rebuilt"));
  EXPECT_EQ(stores_["table.t"]->rows.size(), 2u);
  EXPECT_FALSE(stores_.contains("table.t#1"));
}

/// As a lake that was killed before its roll: it has none of what it was given.
void ForgetRows(SinkStore& store) {
  store.rows.clear();
  store.position = 0;
}

TEST_F(RedriveTest, WhatWasRedrivenIsNoRowWhereASinkReadsItAgain) {
  f_.pipeline.on_error = project::OnError::kParkKey;
  f_.pipeline.max_rows = 1;
  Add("a", "x");
  Add("b", "bad");
  Add("b", "behind it");
  f_.RunToEnd(stores_);
  MendAll();
  Redrive();
  EXPECT_EQ(stores_["lake.history#1"]->rows.size(), 2u);
  ForgetRows(*stores_["lake.history"]);
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.sinks[1].position, 3u);
  EXPECT_THAT(stores_["lake.history"]->rows, ElementsAre(testing::Key(0u)));
  EXPECT_EQ(stores_["lake.history#1"]->rows.size(), 2u);
}

TEST_F(RedriveTest, AnEventThatGoesThroughWhenReadAgainIsNotRedrivenAsWell) {
  Add("a", "x");
  Add("b", "bad");
  f_.RunToEnd(stores_);
  f_.pipeline.require.clear();  // mended
  ForgetRows(*stores_["lake.history"]);
  auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(stores_["lake.history"]->rows.size(), 2u);
  EXPECT_EQ(status.sinks[1].dead_letters, 0u);
  Redrive();
  EXPECT_FALSE(stores_.contains("lake.history#1"));
  EXPECT_THAT(States(), ElementsAre("b:applied")) << "the table had not read it again";
  // Where it dies once more the letter is open again.
  f_.AddRule("note <> 'bad'");
  ForgetRows(*stores_["lake.history"]);
  status = f_.RunToEnd(stores_);
  EXPECT_EQ(stores_["lake.history"]->rows.size(), 1u);
  EXPECT_EQ(status.sinks[1].dead_letters, 1u);
}

TEST_F(RedriveTest, ParkedChangesThatAreReadAgainCountOnce) {
  f_.pipeline.on_error = project::OnError::kParkKey;
  f_.pipeline.max_parked = 2;
  for (const char* note : {"bad", "1", "2"}) Add("b", note);
  f_.RunToEnd(stores_);
  ForgetRows(*stores_["table.t"]);
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.sinks[0].state, "done") << status.sinks[0].reason;
  EXPECT_THAT(States(), ElementsAre("b:open", "b:open", "b:open"));
}

TEST_F(RedriveTest, RunsBesideTheChanges) {
  Pipelines pipelines = MakePipelines();
  ASSERT_TRUE(pipelines.Start(f_.factory(stores_)));
  Add("b", "bad");
  stores_["table.t"]->WaitForPosition(1);
  stores_["lake.history"]->WaitForPosition(1);
  MendAll();
  const auto started = pipelines.Redrive({});
  ASSERT_TRUE(started);
  EXPECT_EQ(started->letters, 2u) << "one for each sink";
  while (pipelines.Redriven(started->run)->letters.waiting > 0) std::this_thread::yield();
  EXPECT_EQ(pipelines.Redriven(started->run)->letters.applied, 2u);
  while (pipelines.status()[0].dead_letters > 0) std::this_thread::yield();
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
  EXPECT_EQ(stores_["lake.history#1"]->rows.size(), 1u);
}

TEST_F(RedriveTest, ParkedChangesWaitBehindTheirLetterInOrder) {
  f_.pipeline.on_error = project::OnError::kParkKey;
  f_.pipeline.max_rows = 2;  // also across batches
  Add("a", "x");
  Add("b", "bad");
  Add("b", "later");
  Add("a", "y");
  Add("b", "last");
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:open", "b:open", "b:open"));
  const auto letters_of_b = letters().List({});
  EXPECT_EQ(letters_of_b->letters[0].stage, "require");
  EXPECT_EQ(letters().CountStage("p", "table.t", "parked"), 2u);
  EXPECT_EQ(stores_["table.t"]->rows.size(), 2u);
  // The cause dies again: those behind it stay.
  Redrive(OfTable());
  EXPECT_THAT(States(), ElementsAre("b:open", "b:open", "b:open"));
  MendAll();
  Redrive(OfTable());
  EXPECT_THAT(States(), ElementsAre("b:applied", "b:applied", "b:applied"));
  EXPECT_EQ(redriven().rows.size(), 3u);
  Add("b", "free again");
  f_.RunToEnd(stores_);
  EXPECT_TRUE(stores_["table.t"]->rows.contains(5));
}

TEST_F(RedriveTest, StopsBeforeTooManyAreParked) {
  f_.pipeline.on_error = project::OnError::kParkKey;
  f_.pipeline.max_parked = 2;
  f_.pipeline.max_rows = 1;
  for (const char* note : {"bad", "1", "2", "3"}) Add("b", note);
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.sinks[0].state, "stopped");
  EXPECT_THAT(status.sinks[0].reason, testing::StartsWith("too_many_parked: 3"));
  EXPECT_EQ(status.sinks[0].position, 3u);
}

TEST_F(RedriveTest, StopsWhenTooManyOfAWindowDie) {
  f_.pipeline.max_dead_of_1000 = 2;
  for (const std::uint32_t rows : {1u, 3u, 500u}) {  // whatever the batches
    f_.pipeline.max_rows = rows;
    stores_.clear();
    if (rows == 1) {
      for (int i = 0; i < 10; ++i) Add("x" + std::to_string(i), i % 4 == 1 ? "bad" : "x");
    }
    const auto status = f_.RunToEnd(stores_);
    EXPECT_EQ(status.sinks[0].state, "stopped") << rows;
    EXPECT_THAT(status.sinks[0].reason,
                testing::StartsWith("too_many_dead: more than 2 of the 1000 events from "
                                    "offset 0 on"))
        << rows;
    EXPECT_THAT(status.sinks[0].reason, testing::HasSubstr("the last one, at 9"));
  }
  f_.pipeline.max_dead_of_1000 = 3;
  EXPECT_EQ(f_.RunToEnd(stores_).state, "done");
}

TEST_F(RedriveTest, RefusesAnUnknownPipeline) {
  Pipelines pipelines = MakePipelines();
  LetterFilter filter;
  filter.pipeline = "q";
  EXPECT_EQ(pipelines.Redrive(filter).error().code(), ErrorCode::kNotFound);
  filter = {};
  filter.state = "nonsense";
  EXPECT_EQ(pipelines.Redrive(filter).error().code(), ErrorCode::kInvalidArgument);
}

TEST(RedriveEntry, ReadsWhatItWrites) {
  std::string body;
  AppendRedriveEntry(body, {7, 9, "lake.a_b", "{\"x\":\"\\n\"}\n"});
  const auto entry = ParseRedriveEntry(body);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->letter, 7);
  EXPECT_EQ(entry->offset, 9u);
  EXPECT_EQ(entry->sink, "lake.a_b");
  EXPECT_EQ(entry->event, "{\"x\":\"\\n\"}\n");
  EXPECT_FALSE(ParseRedriveEntry("{}"));
  EXPECT_FALSE(ParseRedriveEntry("{\"letter\":1}\n{}"));
}

}  // namespace
}  // namespace millrace::pipeline
