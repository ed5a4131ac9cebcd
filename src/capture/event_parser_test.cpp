#include "capture/event_parser.hpp"

#include <gmock/gmock.h>

#include <string>

#include "change/limits.hpp"

namespace millrace::capture {
namespace {

schema::Collection Events(bool raw) {
  schema::Collection events;
  events.name = "clicks";
  events.key = "event_id";
  events.created_at.clear();
  events.updated_at.clear();
  const auto text = schema::Type::Simple(schema::Kind::kText);
  events.fields.push_back({.name = "event_id", .type = text});
  events.fields.back().generate = schema::Generate::kUuidV7;
  if (raw) {
    events.fields.push_back({.name = "payload", .type = text});
    events.fields.push_back(
        {.name = "payload_bytes", .type = schema::Type::Simple(schema::Kind::kBytes)});
  } else {
    events.fields.push_back({.name = "user", .type = text, .required = true});
  }
  return events;
}

class ParseEventsTest : public testing::Test {
 protected:
  Result<ParsedEvents> Parse(EventForm form, const std::string& body,
                             const std::string& id = "") {
    bytes_ = body + std::string(schema::kJsonPadding, ' ');
    const bool raw = form == EventForm::kRaw || form == EventForm::kRawLines;
    return ParseEvents(raw ? raw_ : json_, form,
                       std::string_view(bytes_).substr(0, body.size()), id, 3);
  }
  /// The document as the log gets it.
  std::string Finish(const schema::DraftView& draft, bool raw) {
    std::string out;
    (raw ? raw_ : json_).AppendFinished(out, draft, "made", 0, 0, Version{0, 1, 0});
    return out;
  }

  const schema::RecordCodec json_{Events(false)}, raw_{Events(true)};
  std::string bytes_;
};

TEST_F(ParseEventsTest, TakesAnObjectOrAnArrayWhole) {
  const auto one = Parse(EventForm::kJson, R"({"user":"u"})");
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->single);
  EXPECT_EQ(
      Finish(one->events[0], false),
      R"({"event_id":"made","user":"u","_version":"00000000000000000000000100000000"})");
  const auto two =
      Parse(EventForm::kJson, R"([{"user":"u","event_id":"e"},{"user":"v"}])");
  ASSERT_TRUE(two);
  EXPECT_FALSE(two->single);
  EXPECT_EQ(two->events[0].key, "e");
  EXPECT_FALSE(Parse(EventForm::kJson, R"([{"user":"u"},{}])"));
}

TEST_F(ParseEventsTest, NamesEachBadLineAndTakesTheOthers) {
  const auto parsed = Parse(EventForm::kJsonLines,
                            "{\"user\":\"u\"}\r\n\n{\"usr\":1}\n[{\"user\":\"v\"}]");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->events.size(), 1U);
  ASSERT_EQ(parsed->bad.size(), 2U);
  EXPECT_EQ(parsed->bad[0].line, 3U);
  EXPECT_EQ(parsed->bad[0].error.fields().front().pointer, "/usr");
  EXPECT_EQ(parsed->bad[1].line, 4U);
}

TEST_F(ParseEventsTest, NumbersLinesThatHaveNoId) {
  const auto json = Parse(EventForm::kJsonLines,
                          "{\"user\":\"u\"}\n{\"user\":\"v\",\"event_id\":\"e\"}", "f-");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->events[0].key, "f-:1");
  EXPECT_THAT(Finish(json->events[0], false),
              testing::StartsWith(R"({"event_id":"f-:1",)"));
  EXPECT_EQ(json->events[1].key, "e");
  const auto raw = Parse(EventForm::kRawLines, "a\n\nb", "f-");
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->events[1].key, "f-:3");
  const auto eleventh = Parse(EventForm::kRawLines, std::string(10, '\n') + "a", "b1");
  const auto first = Parse(EventForm::kRawLines, "a", "b11");
  EXPECT_NE(eleventh->events[0].key, first->events[0].key);
}

TEST_F(ParseEventsTest, RefusesMoreThanTheMostAndNothingAtAll) {
  const auto many = Parse(EventForm::kRawLines, "a\nb\nc\nd\n");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code(), ErrorCode::kTooLarge);
  EXPECT_FALSE(Parse(EventForm::kRawLines, "\n \n"));
  EXPECT_FALSE(Parse(EventForm::kRaw, ""));
}

TEST_F(ParseEventsTest, RefusesWhatNoLogWouldTake) {
  // Each byte is stored as six.
  const std::string grows(change::kMaxEventBytes / 6, '\x01');
  const auto one = Parse(EventForm::kRaw, grows);
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code(), ErrorCode::kTooLarge);
  const auto lines = Parse(EventForm::kRawLines, "a\n" + grows);
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->events.size(), 1U);
  ASSERT_EQ(lines->bad.size(), 1U);
  EXPECT_EQ(lines->bad[0].line, 2U);
  EXPECT_EQ(lines->bad[0].error.code(), ErrorCode::kTooLarge);
  const std::string large(change::kMaxEventBytes, 'x');
  const auto json =
      Parse(EventForm::kJson, R"([{"user":"u"},{"user":")" + large + R"("}])");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code(), ErrorCode::kTooLarge);
}

TEST_F(ParseEventsTest, RefusesIdsThatAreNoKeys) {
  const auto refused = [this](EventForm form, const std::string& id) {
    const auto parsed = Parse(form, "a", id);
    return !parsed && parsed.error().code() == ErrorCode::kInvalidArgument;
  };
  for (const auto form : {EventForm::kRaw, EventForm::kRawLines}) {
    EXPECT_TRUE(refused(form, "\xff\xfe"));
    EXPECT_TRUE(refused(form, std::string("a\0b", 3)));
    EXPECT_TRUE(refused(form, std::string(513, 'x')));
  }
  EXPECT_FALSE(refused(EventForm::kRaw, std::string(512, 'x')));
  EXPECT_TRUE(refused(EventForm::kRawLines, std::string(512, 'x')))
      << "a line's number stands behind it";
  EXPECT_FALSE(refused(EventForm::kRawLines, std::string(500, 'x')));
}

TEST_F(ParseEventsTest, KeepsRawBytesExactly) {
  const auto text = Parse(EventForm::kRaw, "not \"json\"\n", "e1");
  ASSERT_TRUE(text);
  EXPECT_EQ(Finish(text->events[0], true),
            R"({"event_id":"e1","payload":"not \"json\"\n","payload_bytes":null,)"
            R"("_version":"00000000000000000000000100000000"})");
  const auto bytes = Parse(EventForm::kRaw, "\xff\xfe");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(Finish(bytes->events[0], true),
            R"({"event_id":"made","payload":null,"payload_bytes":"//4=",)"
            R"("_version":"00000000000000000000000100000000"})");
  const auto nul = Parse(EventForm::kRaw, std::string("a\0b", 3));
  ASSERT_TRUE(nul);
  EXPECT_THAT(nul->events[0].json, testing::HasSubstr(R"("payload_bytes":"YQBi")"));
}

}  // namespace
}  // namespace millrace::capture
