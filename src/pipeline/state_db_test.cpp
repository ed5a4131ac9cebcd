#include "pipeline/state_db.hpp"

#include <gtest/gtest.h>

#include "sqlite/sqlite.hpp"
#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

DeadLetter Letter(const std::string& event, const std::string& stage = "sql") {
  DeadLetter letter;
  letter.pipeline = "p";
  letter.sink = "table.t";
  letter.stream = "orders";
  letter.offset = 7;
  letter.event_id = event;
  letter.version = Version{0, 1, 0}.ToHex();
  letter.seen = letter.version;
  letter.key = "k";
  letter.stage = stage;
  letter.reason = "why";
  letter.payload = "{}";
  letter.at = letter.first_at = 5;
  return letter;
}

TEST(StateDb, KeepsOneLetterForEachEvent) {
  PipelineFixture f;
  ASSERT_TRUE(f.state->letters().Put({Letter("a"), Letter("b")}));
  DeadLetter again = Letter("a");
  again.reason = "another";
  ASSERT_TRUE(f.state->letters().Put({again, Letter("a", "decode")}));
  const auto page = f.state->letters().List({});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->letters.size(), 2u);
  EXPECT_EQ(page->letters[0].event_id, "a");
  EXPECT_EQ(page->letters[0].stage, "decode") << "as it died last";
  EXPECT_EQ(page->letters[0].reason, "why");
  EXPECT_EQ(page->letters[0].attempts, 3u);
  EXPECT_EQ(*f.state->letters().Count("p", "table.t"), 2u);
}

TEST(StateDb, KeepsWhichEventsADefinitionWasUsedFor) {
  PipelineFixture f;
  auto& state = *f.state;
  const auto known = [&] {
    std::string text;
    for (const auto& one : *state.Definitions("p", "table.t")) {
      text += one.hash + "@" + std::to_string(one.first) + " ";
    }
    return text;
  };
  EXPECT_EQ(known(), "");
  ASSERT_TRUE(state.AddDefinition("p", "table.t", {"a", 5}));
  ASSERT_TRUE(state.AddDefinition("p", "table.t", {"a", 9}));
  EXPECT_EQ(known(), "a@5 ");
  ASSERT_TRUE(state.AddDefinition("p", "table.t", {"b", 9}));
  ASSERT_TRUE(state.AddDefinition("p", "table.t", {"c", 9}));
  EXPECT_EQ(known(), "a@5 c@9 ") << "no event was between b and c";
  ASSERT_TRUE(state.ResetDefinitions("p", "table.t", {"c", 2}));
  EXPECT_EQ(known(), "c@2 ");
}

TEST(StateDb, GivesWhatWasRedrivenToASinkThatIsBuiltBeside) {
  PipelineFixture f, beside;
  auto& letters = f.state->letters();
  ASSERT_TRUE(letters.Put({Letter("open"), Letter("applied"), Letter("sent")}));
  ASSERT_TRUE(letters.Claim({2, 3}, 5, 1));
  ASSERT_TRUE(letters.Resolve({2}, LetterState::kApplied));
  auto& copy = beside.state->letters();
  const auto cut = copy.CopySettled(letters, "p", "table.t", "table.new", 6);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code(), ErrorCode::kOutOfRange) << cut.error().ToString();
  ASSERT_TRUE(copy.CopySettled(letters, "p", "table.t", "table.new", 5));
  ASSERT_TRUE(copy.BeginRebuild("p", "table.new"));
  DeadLetter again = Letter("applied");
  again.sink = "table.new";
  ASSERT_TRUE(copy.Put({again}));
  const auto sent = copy.Sent("p", "table.new", 0, 100);
  ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, (std::map<Offset, std::int64_t>{{5, 2}}));
  EXPECT_EQ(*copy.Count("p", "table.new"), 1u) << "neither the open nor the sent one";
}

TEST(StateDb, APlaceThatWasNeverTakenIsFreeAgainAlsoDuringARebuild) {
  PipelineFixture f;
  auto& letters = f.state->letters();
  ASSERT_TRUE(letters.Put({Letter("a")}));
  ASSERT_TRUE(letters.Claim({1}, 5, 1));
  ASSERT_TRUE(letters.BeginRebuild("p", "table.t"));
  ASSERT_TRUE(letters.Unclaim("p", 5, 100));
  EXPECT_FALSE(letters.List({})->letters.at(0).resent);
}

TEST(StateDb, ListsInPages) {
  PipelineFixture f;
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(f.state->letters().Put({Letter(std::to_string(i))}));
  DeadLetterFilter filter;
  filter.limit = 2;
  std::string seen;
  for (int page = 0; page < 3; ++page) {
    const auto got = f.state->letters().List(filter);
    ASSERT_TRUE(got);
    for (const auto& letter : got->letters) seen += letter.event_id;
    filter.cursor = got->next_cursor;
  }
  EXPECT_EQ(seen, "01234");
  EXPECT_TRUE(filter.cursor.empty());
  filter = {};
  filter.stage = "decode";
  EXPECT_TRUE(f.state->letters().List(filter)->letters.empty());
  filter.limit = 0;
  EXPECT_FALSE(f.state->letters().List(filter));
}

TEST(StateDb, GivesLargeLettersFewAtATime) {
  PipelineFixture f;
  auto& letters = f.state->letters();
  std::vector<DeadLetter> large;
  for (const char* id : {"a", "b", "c"}) {
    large.push_back(Letter(id));
    large.back().payload.assign(5u << 20u, 'x');
  }
  ASSERT_TRUE(letters.Put(large));
  const auto page = letters.List({});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->letters.size(), 2u) << "over 8 MiB";
  DeadLetterFilter behind;
  behind.cursor = page->next_cursor;
  const auto rest = letters.List(behind);
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->letters.size(), 1u);
  EXPECT_EQ(rest->letters[0].event_id, "c");
  EXPECT_EQ(rest->next_cursor, "");

  const auto loaded = letters.Load({3, 1, 2});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->size(), 2u);
  EXPECT_EQ(loaded->at(0).id, 3);
}

TEST(StateDb, KnowsWhatASinkRefusedOfAnEvent) {
  PipelineFixture f;
  ASSERT_TRUE(f.state->letters().Put({Letter("a"), Letter("b", "decode")}));
  const auto letter = f.state->letters().Of("p", "table.t", "b");
  ASSERT_TRUE(letter);
  ASSERT_TRUE(*letter);
  EXPECT_EQ((*letter)->stage, "decode");
  EXPECT_EQ((*letter)->reason, "why");
  EXPECT_FALSE(*f.state->letters().Of("p", "lake.t", "a"));
}

TEST(StateDb, WritesLettersAsJson) {
  std::string json;
  AppendJson(json, Letter("e"));
  EXPECT_EQ(json,
            R"({"id":0,"state":"open","pipeline":"p","sink":"table.t","stream":"orders",)"
            R"("offset":7,"event_id":"e","version":"00000000000000000000000100000000",)"
            R"("key":"k","stage":"sql","reason":"why","payload":"{}","mended":null,)"
            R"("mend":null,"dismissal":null,"first_at":"1970-01-01T00:00:00.000005Z",)"
            R"("at":"1970-01-01T00:00:00.000005Z","attempts":1,"run":null})");
}

TEST(StateDb, ForgetsRemovedPipelinesAndKeepsLetters) {
  PipelineFixture f;
  const StoredSink sink{"table.t", {}, "new", "", 0};
  ASSERT_TRUE(f.state->SetPipelines({{"p", "orders", "h", {sink}}, {"q", "x", "i", {}}}));
  ASSERT_TRUE(f.state->SetSink("p", {"table.t", 12, "running", "", 0}));
  ASSERT_TRUE(f.state->SetSink("p", {"table.t", {}, "stopped", "fenced", 0}));
  ASSERT_TRUE(f.state->letters().Put({Letter("a")}));
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
  EXPECT_EQ((*reader)->letters().List({})->letters.size(), 1u);
}

/// A pipelines.db of format 2, with a letter in each state.
constexpr const char* kFormat2 = R"sql(
CREATE TABLE format (version INTEGER NOT NULL);
INSERT INTO format VALUES (2);
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, event_id TEXT NOT NULL, stage TEXT NOT NULL,
  stream TEXT NOT NULL, "offset" INTEGER NOT NULL, version TEXT NOT NULL,
  key TEXT NOT NULL, reason TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL,
  attempts INTEGER NOT NULL, state TEXT NOT NULL, seen TEXT NOT NULL,
  first_at INTEGER NOT NULL, mended TEXT NOT NULL DEFAULT '',
  mend TEXT NOT NULL DEFAULT '', resent INTEGER, run INTEGER NOT NULL DEFAULT 0,
  UNIQUE (pipeline, sink, event_id));
CREATE INDEX dead_letters_by_state ON dead_letters (pipeline, sink, state, seen);
CREATE INDEX dead_letters_by_run ON dead_letters (run, state) WHERE run > 0;
CREATE INDEX dead_letters_sent
  ON dead_letters (pipeline, sink, resent) WHERE state = 'sent';
WITH v(id, state, mended, resent, run) AS (VALUES (1, 'open', '', NULL, 0),
    (2, 'open', '{"n":0}', NULL, 4), (3, 'sent', '', 5, 4),
    (4, 'rebuilding', '', NULL, 0), (5, 'rebuilding', '', 6, 4), (6, 'applied', '', 7, 4),
    (7, 'superseded', '', 8, 4), (8, 'rebuilt', '', NULL, 0))
INSERT INTO dead_letters
  SELECT id + 10, 'p', 'table.t', 'e' || id, 'sql', 'orders', id, printf('%032x', id),
    'k' || id, 'why', '{"n":' || id || '}', 100 + id, 2, state, printf('%032x', 50 - id),
    90 + id, mended, iif(mended = '', '', 'n = 0'), resent, run FROM v;
)sql";

/// All that a reader is told of letters.
std::string Told(DeadLetters& letters) {
  DeadLetterFilter all;
  all.state = "all";
  std::string text;
  const auto page = letters.List(all);
  if (!page) return page.error().ToString();
  for (const DeadLetter& letter : page->letters) {
    AppendJson(text, letter);
    text += " seen " + letter.seen + " resent " +
            (letter.resent ? std::to_string(*letter.resent) : "never") + "\n";
  }
  return text + std::to_string(*letters.Count("p", "table.t")) + " wait, lowest " +
         (*letters.LowestSeen("p", "table.t"))->ToHex();
}

TEST(StateDb, BringsLettersOfFormat2Along) {
  PipelineFixture f;
  const auto data = f.data / "old";
  std::filesystem::create_directory(data);
  {
    auto db = Sqlite::Open(data / "pipelines.db", Sqlite::Mode::kDurable);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->Run(kFormat2));
  }
  auto reader = StateDb::Open(data, StateDb::Access::kReadOnly);
  ASSERT_TRUE(reader) << reader.error().ToString();
  const std::string read = Told((*reader)->letters());
  reader->reset();
  auto state = StateDb::Open(data, StateDb::Access::kReadWrite);
  ASSERT_TRUE(state) << state.error().ToString();
  auto& letters = (*state)->letters();
  EXPECT_EQ(Told(letters), read) << "as those see it who may not write";
  EXPECT_TRUE(read.ends_with("5 wait, lowest 0000000000000000000000000000002d")) << read;
  DeadLetterFilter filter;
  filter.state = "all";
  const auto page = letters.List(filter);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->letters.size(), 8u);
  std::string states;
  for (const DeadLetter& letter : page->letters) {
    states += std::string(NameOf(letter.state)) + " ";
    EXPECT_EQ(letter.payload, "{\"n\":" + letter.event_id.substr(1) + "}");
  }
  EXPECT_EQ(states, "open open sent rebuilding rebuilding applied superseded rebuilt ");
  EXPECT_EQ(page->letters[1].event(), "{\"n\":0}");
  EXPECT_EQ(page->letters[1].mend, "n = 0");
  EXPECT_EQ(*letters.NextRun(), 5u);
  const auto run = letters.CountRun(4);
  EXPECT_EQ(run->waiting, 2u);
  EXPECT_EQ(run->died, 1u);
  EXPECT_EQ(*letters.Sent("p", "table.t", 0, 100),
            (std::map<Offset, std::int64_t>{{5, 13}}));
  // One that dies again where it was sent before is sent, and goes on from there.
  DeadLetter again = page->letters[4];
  ASSERT_TRUE(letters.Put({again}));
  EXPECT_EQ(*letters.Sent("p", "table.t", 0, 100),
            (std::map<Offset, std::int64_t>{{5, 13}, {6, 15}}));
  EXPECT_EQ(*letters.Put({Letter("new")}), 1u);
  EXPECT_GT((*letters.Of("p", "table.t", "new"))->id, 18);
}

TEST(StateDb, BringsLettersOfFormat3Along) {
  PipelineFixture f;
  const auto data = f.data / "old";
  std::filesystem::create_directory(data);
  {
    auto state = StateDb::Open(data, StateDb::Access::kReadWrite);
    ASSERT_TRUE(state && (*state)->letters().Put({Letter("a")}));
  }
  {
    auto db = Sqlite::Open(data / "pipelines.db", Sqlite::Mode::kDurable);
    ASSERT_TRUE(db && db->Run("ALTER TABLE dead_letters DROP COLUMN dismissal"));
    ASSERT_TRUE(db->Run("UPDATE format SET version = 3"));
  }
  auto reader = StateDb::Open(data, StateDb::Access::kReadOnly);
  ASSERT_TRUE(reader) << reader.error().ToString();
  const std::string read = Told((*reader)->letters());
  reader->reset();
  auto state = StateDb::Open(data, StateDb::Access::kReadWrite);
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_EQ(Told((*state)->letters()), read);
  ASSERT_TRUE((*state)->letters().Dismiss({}, "no use"));
  EXPECT_EQ((*state)->letters().Load({1})->at(0).dismissal, "no use");
}

TEST(StateDb, SaysWhenThereIsNone) {
  const auto reader = StateDb::Open("/nonexistent", StateDb::Access::kReadOnly);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::pipeline
