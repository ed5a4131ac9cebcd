#include "change/envelope.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "change/complete_mark.hpp"

namespace millrace::change {
namespace {

constexpr std::string_view kDocument =
    R"({"order_id":"a\"}","tags":["x","{"],"nested":{"n":1},"_version":"00"})";

Event SomeEvent() {
  Event event;
  event.before = {};
  event.after = kDocument;
  event.source = "records";
  event.tenant = "";
  event.collection = "orders";
  event.key = "a\"}";
  event.op = 'c';
  event.operation = "insert";
  event.committed_at = 1'357'000'000'123'456;
  event.version = {1, 42, 0};
  return event;
}

std::string Padded(std::string text) { return text.append(64, '\0'); }

Result<Event> Parse(const std::string& padded) {
  return ParseEnvelope(std::string_view(padded).substr(0, padded.size() - 64));
}

TEST(Envelope, ReadsBackWhatItWrote) {
  std::string text;
  AppendEnvelope(text, SomeEvent());
  const auto padded = Padded(text);
  const auto event = Parse(padded);
  ASSERT_TRUE(event) << event.error().ToString();
  EXPECT_EQ(event->after, kDocument);
  EXPECT_EQ(event->before, "");
  EXPECT_EQ(event->source, "records");
  EXPECT_EQ(event->collection, "orders");
  EXPECT_EQ(event->key_json, R"("a\"}")");
  EXPECT_EQ(event->op, 'c');
  EXPECT_EQ(event->operation, "insert");
  EXPECT_EQ(event->committed_at, 1'357'000'000'123'456);
  EXPECT_EQ(event->version, (Version{1, 42, 0}));
}

TEST(Envelope, ASeriesWritesTheSameBytes) {
  Event event = SomeEvent();
  event.as_of = Version{1, 41, 0xffffffff};
  std::string expected, got;
  AppendEnvelope(expected, event);
  const EnvelopeSeries series(event);
  series.Begin(got);
  got += event.after;
  series.End(got, event.key, event.version.position);
  EXPECT_EQ(got, expected);
  EXPECT_LE(got.size(), series.size() + event.after.size() + event.key.size() + 1);
}

TEST(Envelope, FindsTheEndOfADocumentWhateverItHolds) {
  const std::string nested =
      R"({"j":{"after":{},"source":{"version":"1"}},"s":"},\"source\":{\"version\""})";
  for (const bool update : {false, true}) {
    auto event = SomeEvent();
    event.after = nested;
    event.key = R"(},"source":{"version":"1","connector":"millrace","name":"{)";
    if (update) {
      event.before = nested;
      event.op = 'u';
      event.operation = "update";
    }
    std::string text;
    AppendEnvelope(text, event);
    const auto padded = Padded(text);
    const auto read = Parse(padded);
    ASSERT_TRUE(read) << read.error().ToString();
    EXPECT_EQ(read->after, nested);
    EXPECT_EQ(read->before, event.before);
    EXPECT_EQ(read->version, event.version);
  }
}

/// One event of each kind, as tests/data/change/event_v1.json holds them, a line each.
std::vector<Event> GoldenEvents() {
  constexpr std::string_view kOld =
      R"({"order_id":"o-1","note":null,"_version":"00000001000000000000002900000000"})";
  constexpr std::string_view kNew =
      R"({"order_id":"o-1","note":"é","_version":"00000001000000000000002a00000000"})";
  auto create = SomeEvent();
  auto update = SomeEvent();
  update.before = kOld;
  update.after = kNew;
  update.tenant = "acme";
  update.key = "o-1";
  update.op = 'u';
  update.operation = "replace";
  auto removal = update;
  removal.before = kNew;
  removal.after = {};
  removal.op = 'd';
  removal.operation = "delete";
  removal.version = {1, 43, 7};
  return {create, update, removal};
}

TEST(Envelope, WritesTheGoldenFileByteForByte) {
  const auto golden = ReadFile(MR_TEST_DATA "/change/event_v1.json");
  ASSERT_TRUE(golden) << golden.error().ToString();
  std::string text;
  for (const auto& event : GoldenEvents()) {
    AppendEnvelope(text, event);
    text += '\n';
  }
  EXPECT_EQ(text, *golden);
}

TEST(Envelope, ReadsTheGoldenFile) {
  const auto golden = ReadFile(MR_TEST_DATA "/change/event_v1.json");
  ASSERT_TRUE(golden) << golden.error().ToString();
  std::istringstream lines(*golden);
  for (const auto& expected : GoldenEvents()) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    SCOPED_TRACE(line);
    const auto padded = Padded(line);
    const auto event = Parse(padded);
    ASSERT_TRUE(event) << event.error().ToString();
    EXPECT_EQ(event->before, expected.before);
    EXPECT_EQ(event->after, expected.after);
    EXPECT_EQ(event->tenant, expected.tenant);
    EXPECT_EQ(event->op, expected.op);
    EXPECT_EQ(event->operation, expected.operation);
    EXPECT_EQ(event->committed_at, expected.committed_at);
    EXPECT_EQ(event->version, expected.version);
  }
}

TEST(Envelope, ReadsMembersInAnyOrderAndWithSpaces) {
  const auto padded =
      Padded(R"({ "op": "d", "extra": 1, "source": {"position": 7, "ordinal": 0,
      "epoch": 2, "key": "k", "collection": "c", "name": "s", "ts_us": 5},
      "after": null, "before": {"a": 1} })");
  const auto event = Parse(padded);
  ASSERT_TRUE(event) << event.error().ToString();
  EXPECT_EQ(event->op, 'd');
  EXPECT_EQ(event->operation, "delete");
  EXPECT_EQ(event->before, R"({"a": 1})");
  EXPECT_EQ(event->image(), R"({"a": 1})");
  EXPECT_EQ(event->version, (Version{2, 7, 0}));
}

TEST(Envelope, RefusesWhatIsNotAnEvent) {
  struct Case {
    std::string_view name, text, says;
  };
  constexpr Case kCases[] = {
      {"empty", "", "not a JSON object"},
      {"array", "[]", "not a JSON object"},
      {"broken behind a member",
       R"({"before":{"id":"a"},"after"n:ull,"":{"ver","db":""n"}})", "not a JSON object"},
      {"no source", R"({"op":"c","after":{}})", "source"},
      {"torn", R"({"before":null,"after":{"a":1)", ""},
      {"create without after",
       R"({"op":"c","source":{"name":"s","ts_us":1,"collection":"c","key":"k","epoch":1,"position":1,"ordinal":0}})",
       "after"},
      {"unknown op",
       R"({"op":"x","after":{},"source":{"name":"s","ts_us":1,"collection":"c","key":"k","epoch":1,"position":1,"ordinal":0}})",
       "op"},
      {"epoch of 33 bits",
       R"({"op":"c","after":{},"source":{"name":"s","ts_us":1,"collection":"c","key":"k","epoch":4294967296,"position":1,"ordinal":0}})",
       "epoch"},
      {"time without nanoseconds",
       R"({"op":"c","after":{},"source":{"name":"s","ts_us":9223372036854776,"collection":"c","key":"k","epoch":1,"position":1,"ordinal":0}})",
       "ts_us"},
      {"text position",
       R"({"op":"c","after":{},"source":{"name":"s","ts_us":1,"collection":"c","key":"k","epoch":1,"position":"1","ordinal":0}})",
       "position"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto padded = Padded(std::string(c.text));
    const auto event = Parse(padded);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(event.error().message().find(c.says), std::string::npos)
        << event.error().message();
  }
}

TEST(CompleteMark, NeverGoesBackAndWakesWaiters) {
  CompleteMark mark;
  mark.Raise({1, 5});
  mark.Raise({1, 3});
  EXPECT_EQ(mark.Get(), (Position{1, 5}));
  EXPECT_TRUE(mark.WaitFor({1, 5}, Deadline::Never()));
  EXPECT_FALSE(mark.WaitFor({1, 6}, Deadline::After(std::chrono::milliseconds(1))));
  mark.Interrupt();
  EXPECT_FALSE(mark.WaitFor({1, 6}, Deadline::Never()));
}

}  // namespace
}  // namespace millrace::change
