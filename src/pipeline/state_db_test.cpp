#include "pipeline/state_db.hpp"

#include <gtest/gtest.h>

#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

DeadLetter Letter(const std::string& event, const std::string& stage = "sql") {
  return {"p", "table.t", "orders", 7, event, "00", "k", stage, "why", "{}", 5, 1};
}

TEST(StateDb, KeepsOneLetterForEachEventAndStage) {
  PipelineFixture f;
  ASSERT_TRUE(f.state->Put({Letter("a"), Letter("b")}));
  DeadLetter again = Letter("a");
  again.reason = "another";
  ASSERT_TRUE(f.state->Put({again, Letter("a", "decode")}));
  const auto page = f.state->List({});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->letters.size(), 3u);
  EXPECT_EQ(page->letters[0].event_id, "a");
  EXPECT_EQ(page->letters[0].reason, "another");
  EXPECT_EQ(page->letters[0].attempts, 2u);
  EXPECT_EQ(*f.state->Count("p", "table.t"), 3u);
}

TEST(StateDb, ListsInPages) {
  PipelineFixture f;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.state->Put({Letter(std::to_string(i))}));
  DeadLetterFilter filter;
  filter.limit = 2;
  std::string seen;
  for (int page = 0; page < 3; ++page) {
    const auto got = f.state->List(filter);
    ASSERT_TRUE(got);
    for (const auto& letter : got->letters) seen += letter.event_id;
    filter.cursor = got->next_cursor;
  }
  EXPECT_EQ(seen, "01234");
  EXPECT_TRUE(filter.cursor.empty());
  filter = {};
  filter.stage = "decode";
  EXPECT_TRUE(f.state->List(filter)->letters.empty());
  filter.limit = 0;
  EXPECT_FALSE(f.state->List(filter));
}

TEST(StateDb, KnowsWhatASinkRefusedOfAnEvent) {
  PipelineFixture f;
  ASSERT_TRUE(f.state->Put({Letter("a"), Letter("a", "decode"), Letter("b")}));
  const auto letters = f.state->LettersOf("p", "table.t", "a");
  ASSERT_TRUE(letters);
  ASSERT_EQ(letters->size(), 2u);
  EXPECT_EQ((*letters)[1].stage, "decode");
  EXPECT_EQ((*letters)[1].reason, "why");
  EXPECT_TRUE(f.state->LettersOf("p", "lake.t", "a")->empty());
}

TEST(StateDb, WritesLettersAsJson) {
  std::string json;
  AppendJson(json, Letter("e"));
  EXPECT_EQ(json,
            R"({"pipeline":"p","sink":"table.t","stream":"orders","offset":7,)"
            R"("event_id":"e","version":"00","key":"k","stage":"sql","reason":"why",)"
            R"("payload":"{}","at":"1970-01-01T00:00:00.000005Z","attempts":1})");
}

TEST(StateDb, ForgetsRemovedPipelinesAndKeepsLetters) {
  PipelineFixture f;
  const StoredSink sink{"table.t", {}, "new", "", 0};
  ASSERT_TRUE(f.state->SetPipelines({{"p", "orders", "h", {sink}}, {"q", "x", "i", {}}}));
  ASSERT_TRUE(f.state->SetSink("p", {"table.t", 12, "running", "", 0}));
  ASSERT_TRUE(f.state->SetSink("p", {"table.t", {}, "stopped", "fenced", 0}));
  ASSERT_TRUE(f.state->Put({Letter("a")}));
  auto all = f.state->Pipelines();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  ASSERT_EQ((*all)[0].sinks.size(), 1u);
  EXPECT_EQ((*all)[0].sinks[0].position, 12u);
  EXPECT_EQ((*all)[0].sinks[0].reason, "fenced");
  EXPECT_EQ((*all)[0].sinks[0].dead_letters, 1u);
  ASSERT_TRUE(f.state->SetPipelines({{"q", "x", "i", {}}}));
  const auto reader = StateDb::Open(f.data, StateDb::Access::kReadOnly);
  ASSERT_TRUE(reader);
  all = (*reader)->Pipelines();
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*reader)->List({})->letters.size(), 1u);
}

TEST(StateDb, SaysWhenThereIsNone) {
  const auto reader = StateDb::Open("/nonexistent", StateDb::Access::kReadOnly);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::pipeline
