#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "change/envelope.hpp"
#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Fixture = PipelineFixture;
using Stores = std::map<std::string, std::shared_ptr<SinkStore>>;

const StreamId kStream{"", "_snapshot.p"};

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() {
    f_.pipeline.start = project::Start::kSnapshot;
    f_.AddTable("t", "order_id");
    f_.AddLake("history");
    f_.SetSql("SELECT order_id, note, _op FROM changes");
  }
  void Add(const std::string& id, const std::string& note, char op = 'c') {
    const auto now = Fixture::Order(id, "c", "1.00", note);
    f_.Change("orders", op, id, op == 'c' ? "" : now, op == 'd' ? "" : now);
  }
  Result<Snapshot> Take() { return f_.snapshots.Take(Request()); }
  Snapshots::Request Request() {
    return {"p", "orders", "_updated_at", f_.mark, [this] { return stop_; }};
  }
  /// What a sink's partition has, as "id note op", in its order.
  std::vector<std::string> RowsOf(const std::string& sink) {
    std::vector<std::string> rows;
    for (const auto& [offset, json] : stores_[sink]->rows) {
      const auto text = [&](std::string_view name) {
        return schema::TextOf(schema::FindMember(json, name));
      };
      rows.push_back(text("order_id") + " " + text("note") + " " + text("_op"));
    }
    return rows;
  }

  Fixture f_;
  Stores stores_;
  bool stop_ = false;
};

TEST_F(SnapshotTest, IsTheRecordsOfOneMomentAndWhereTheirChangesGoOn) {
  Add("a", "1");
  Add("b", "1");
  Add("a", "2", 'u');
  f_.records.in_scan = [&] { Add("c", "late"); };
  const auto taken = Take();
  ASSERT_TRUE(taken) << taken.error().ToString();
  EXPECT_EQ(taken->first, 0u);
  EXPECT_EQ(taken->end, 2u);
  EXPECT_EQ(taken->upto, (Position{1, 3}));
  EXPECT_EQ(taken->changes, 3u);
  const auto batch = f_.log.Read(kStream, 0, 1, 1u << 20u);
  const auto event = change::ParseEnvelope(batch->records().front().body);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->op, 'r');
  EXPECT_EQ(event->operation, "read");
  EXPECT_EQ(event->version, (Version{1, 3, 0}));
  EXPECT_EQ(event->seen(), (Version{1, 3, 0xffffffff}));
  EXPECT_EQ(event->committed_at, 1'356'998'400'000'000 + 6 * 3'600'000'000LL + 250);
  const auto at = f_.snapshots.At("p", 1);
  ASSERT_TRUE(at && *at);
  EXPECT_EQ((*at)->end, 2u);
  EXPECT_EQ((*at)->changes, 3u);
}

TEST_F(SnapshotTest, WhatWasCutShortIsPassedOver) {
  Add("a", "1");
  stop_ = true;
  EXPECT_EQ(Take().error().code(), ErrorCode::kUnavailable);
  stop_ = false;
  // As a process that was killed leaves it: rows without their end.
  ASSERT_TRUE(
      f_.log.Append({kStream, "snapshot", {}, {1, 1}, {"row"}}, Deadline::Never()));
  EXPECT_EQ(*f_.snapshots.Newest("p"), std::nullopt);
  const auto taken = f_.snapshots.Ensure(Request());
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->first, 1u);
  EXPECT_EQ(f_.snapshots.Ensure(Request())->first, 1u);
  EXPECT_EQ(f_.records.scans, 2);
}

TEST_F(SnapshotTest, ASnapshotWhoseChangesAreGoneIsTakenAgain) {
  Add("a", "1");
  Add("a", "2", 'u');
  ASSERT_EQ(f_.snapshots.Ensure(Request())->changes, 2u);
  for (int i = 0; i < 3; ++i) Add("b", "x", i == 0 ? 'c' : 'u');
  f_.log.Trim("orders", 4);
  const auto again = f_.snapshots.Ensure(Request());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->first, 2u);
  EXPECT_EQ(again->end, 4u);
  EXPECT_EQ(again->changes, 5u);
}

TEST_F(SnapshotTest, TheLogMayDropWhatWasReadOfIt) {
  for (const char* id : {"a", "b", "c"}) Add(id, "1");
  ASSERT_TRUE(Take());
  for (const Offset first : {1u, 3u}) {
    f_.log.Trim(kStream.name, first);
    const auto at = f_.snapshots.At("p", first);
    ASSERT_TRUE(at && *at) << first;
    EXPECT_EQ((*at)->end, 3u);
    EXPECT_EQ((*at)->first, 0u);
  }
  EXPECT_EQ(*f_.snapshots.At("p", 2), std::nullopt);
  EXPECT_EQ(f_.snapshots.Ensure(Request())->first, 4u);
}

TEST_F(SnapshotTest, ALaneReadsTheRecordsThenTheChanges) {
  for (const char* id : {"a", "b", "c"}) Add(id, "1");
  Add("a", "2", 'u');
  Add("b", "1", 'd');
  f_.log.Trim("orders", 4);  // nobody was there
  f_.records.in_scan = [&] { Add("c", "2", 'u'); };
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.state, "done");
  for (const std::string sink : {"table.t", "lake.history"}) {
    EXPECT_THAT(RowsOf(sink + "#2"), ElementsAre("a 2 r", "c 1 r"));
    EXPECT_THAT(RowsOf(sink), ElementsAre("c 2 u"));
    EXPECT_THAT(stores_[sink]->starts, ElementsAre(5u));
  }
  EXPECT_EQ(f_.records.scans, 1) << "one for all sinks";
  Add("d", "1");
  EXPECT_EQ(f_.RunToEnd(stores_).position, 7u);
  EXPECT_THAT(RowsOf("table.t"), ElementsAre("c 2 u", "d 1 c"));
  EXPECT_EQ(f_.records.scans, 1);
}

TEST_F(SnapshotTest, ALaneThatWasCutShortGoesOnWhereItsSinkIs) {
  for (const char* id : {"a", "b", "c"}) Add(id, "1");
  f_.pipeline.max_rows = 1;
  stores_["table.t#2"] = std::make_shared<SinkStore>();
  stores_["table.t#2"]->before_write = [](int number) -> Status {
    if (number != 2) return {};
    return Fail(ErrorCode::kFenced, "another one");
  };
  auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.sinks[0].state, "stopped");
  EXPECT_EQ(status.sinks[0].position, std::nullopt);
  EXPECT_EQ(status.sinks[1].state, "done");
  EXPECT_THAT(RowsOf("table.t#2"), ElementsAre("a 1 r"));
  Add("d", "1");
  f_.log.Reset();
  status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.sinks[0].state, "done") << status.sinks[0].reason;
  EXPECT_THAT(RowsOf("table.t#2"), ElementsAre("a 1 r", "b 1 r", "c 1 r"));
  EXPECT_THAT(RowsOf("table.t"), ElementsAre("d 1 c"));
  EXPECT_THAT(stores_["table.t#2"]->starts, ElementsAre(0u));
}

TEST_F(SnapshotTest, NothingIsReadTwiceWhenOnlyTheFirstPositionIsMissing) {
  Add("a", "1");
  ASSERT_TRUE(Take());
  // Killed between the last row and the position among the changes.
  stores_["table.t#2"] = std::make_shared<SinkStore>();
  stores_["table.t#2"]->position = 1;
  EXPECT_EQ(f_.RunToEnd(stores_).sinks[0].state, "done");
  EXPECT_TRUE(RowsOf("table.t#2").empty());
  EXPECT_THAT(stores_["table.t"]->starts, ElementsAre(1u));
}

TEST_F(SnapshotTest, AnEmptyCollectionIsASnapshotToo) {
  f_.mark.Raise({1, 0});
  const auto status = f_.RunToEnd(stores_);
  EXPECT_EQ(status.state, "done");
  EXPECT_EQ(status.position, 0u);
}

TEST_F(SnapshotTest, RowsLookUpAsOfTheSnapshot) {
  f_.AddCustomers();
  f_.SetSql(
      "SELECT order_id, customers.name AS note, _op FROM changes LEFT JOIN customers "
      "ON customers.customer_id = changes.customer_id");
  Add("a", "1");
  f_.Insert("customers", "c", Fixture::Customer("c", "Ada"));
  f_.records.in_scan = [&] {
    f_.Change("customers", 'u', "c", Fixture::Customer("c", "Ada"),
              Fixture::Customer("c", "Eve"));
    Add("b", "1");
  };
  f_.records.all["orders"]["z"] = f_.records.all["orders"]["a"];
  f_.RunToEnd(stores_);
  EXPECT_THAT(RowsOf("table.t#2"), testing::Each(HasSubstr("Ada r")));
  EXPECT_THAT(RowsOf("table.t"), ElementsAre("b Eve c"));
}

TEST_F(SnapshotTest, ARecordThatCannotBeUsedIsALetterOfTheSnapshot) {
  f_.AddRule("note <> 'bad'");
  Add("a", "bad");
  Add("b", "x");
  f_.RunToEnd(stores_);
  Add("c", "bad");  // at offset 2; the letter above is at 0 of the snapshot
  Add("d", "bad");
  f_.RunToEnd(stores_);
  DeadLetterFilter filter;
  filter.sink = "table.t";
  const auto page = f_.state->letters().List(filter);
  std::vector<std::string> letters;
  for (const auto& letter : page->letters) {
    letters.push_back(letter.stream + " " + std::to_string(letter.offset) + " " +
                      letter.event_id);
  }
  EXPECT_THAT(letters, ElementsAre("_snapshot.p 0 records:00000001:0000000000000001",
                                   "orders 2 records:00000001:0000000000000003",
                                   "orders 3 records:00000001:0000000000000004"));
}

DeadLetter Letter(const std::string& stream, Offset offset, std::uint64_t position) {
  DeadLetter letter;
  letter.pipeline = "p";
  letter.sink = "table.t";
  letter.stream = stream;
  letter.offset = offset;
  letter.event_id = "records:" + std::to_string(position);
  letter.version = Version{1, position, 0}.ToHex();
  letter.stage = "sql";
  letter.payload = "{}";
  return letter;
}

/// "event id:state" of every letter.
std::string StatesOf(DeadLetters& letters) {
  DeadLetterFilter filter;
  filter.state = "all";
  std::string states;
  const auto page = letters.List(filter);
  for (const auto& letter : page->letters) {
    states += letter.event_id.substr(8) + ":" + std::string(NameOf(letter.state)) + " ";
  }
  return states;
}

TEST_F(SnapshotTest, LettersOfOlderChangesAreClosedAndThoseOfItsRowsWait) {
  auto& letters = f_.state->letters();
  ASSERT_TRUE(letters.Put({Letter("orders", 3, 3), Letter("orders", 4, 4),
                           Letter("orders", 9, 9), Letter("orders", 5, 5)}));
  ASSERT_TRUE(letters.Claim({2, 4}, 0, 1));
  ASSERT_TRUE(letters.Resolve({2}, LetterState::kApplied));
  // What the table that was built from a snapshot of commit 6 refused: a record of 4.
  Fixture other;
  ASSERT_TRUE(
      other.state->letters().Put({Letter("_snapshot.p", 0, 4), Letter("orders", 9, 9)}));
  const Version snapshot{1, 6, 0xffffffff};
  ASSERT_TRUE(letters.Resend("p", "table.t", 0, snapshot));
  ASSERT_TRUE(letters.Adopt("p", "table.t", other.state->letters()));
  EXPECT_EQ(StatesOf(letters), "3:open 4:sent 9:open 5:sent ");
  ASSERT_TRUE(letters.CloseOthers("p", "table.t", other.state->letters()));
  ASSERT_TRUE(letters.CloseOlder("p", "table.t", "_snapshot.p", snapshot));
  EXPECT_EQ(StatesOf(letters), "3:rebuilt 4:sent 9:open 5:rebuilt ");
}

TEST_F(SnapshotTest, ALakeThatLostItsPositionGoesOnBehindAGapThatItNames) {
  f_.pipeline.start = project::Start::kEarliest;
  Add("a", "1");
  f_.RunToEnd(stores_);
  for (const char* id : {"b", "c"}) Add(id, "1");
  Add("b", "1", 'd');
  f_.log.Trim("orders", 3);
  f_.log.Reset();
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f_.Compile());
  Pipelines pipelines(std::move(compiled), f_.services());
  ASSERT_TRUE(pipelines.Start(f_.factory(stores_)));
  EXPECT_THAT(pipelines.status()[0].sinks[1].reason,
              HasSubstr("`millrace pipelines resnapshot p`"));
  const auto taken = Take();
  ASSERT_TRUE(taken);
  EXPECT_EQ(pipelines.GoOnFrom("p", "table.t", *taken).error().code(),
            ErrorCode::kInvalidArgument);
  ASSERT_TRUE(pipelines.GoOnFrom("p", "lake.history", *taken));
  stores_["lake.history"]->WaitForPosition(4);
  Add("d", "1");
  stores_["lake.history"]->WaitForPosition(5);
  EXPECT_EQ(pipelines.GoOnFrom("p", "lake.history", *taken).error().code(),
            ErrorCode::kConflict);
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
  EXPECT_THAT(RowsOf("lake.history#2"), ElementsAre("a 1 r", "c 1 r"));
  EXPECT_THAT(RowsOf("lake.history"), ElementsAre("a 1 c", "d 1 c"));
  EXPECT_THAT(stores_["lake.history"]->gaps,
              ElementsAre(HasSubstr("position_lost: changes from 1 on are not here")));
}

}  // namespace
}  // namespace millrace::pipeline
