#include "canonical_decoder.hpp"

#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

schema::Columns Document() {
  const auto type = [](const char* text) { return *schema::Type::Parse(text); };
  return {{"id", type("text")},      {"n", type("integer")},
          {"big", type("bigint")},   {"real", type("double")},
          {"flag", type("boolean")}, {"money", type("decimal(10,2)")},
          {"at", type("timestamp")}, {"note", type("text")},
          {"tags", type("text[]")},  {"_version", type("text")}};
}

/// id, n and note of the document; "-" where it lacks one; "other" when it is left.
std::string Decode(std::string_view document) {
  const CanonicalDecoder decoder(Document(), {7, 0, 1});
  std::vector<Value> values(3);
  std::vector<bool> present(3);
  if (!decoder.Decode(document, values, present)) return "other";
  const auto text = [&](std::size_t i) -> std::string {
    if (!present[i]) return "-";
    if (values[i].tag == Value::Tag::kNull) return "null";
    return values[i].has_view() ? std::string(values[i].view())
                                : std::to_string(values[i].integer);
  };
  return text(1) + "," + text(2) + "," + text(0);
}

TEST(CanonicalDecoder, ReadsWhatTheCodecWritesAndLeavesTheRest) {
  struct Case {
    const char* document;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {R"({"id":"a","n":-7,"big":1,"real":1.5,"flag":true,"money":"1.00","at":"x","note":"é","tags":["a"],"_version":"v"})",
       "a,-7,é"},
      {R"({"id":"","n":null,"note":"x y","_version":"v"})", ",null,x y"},
      {R"({"id":"a"})", "a,-,-"},
      {R"({"n":1})", "-,1,-"},
      // In another order, with spaces, escapes, control characters, or what is nested
      // where it is looked at.
      {R"({"n":1,"id":"a","note":"b"})", "other"},
      {R"({"id":"a","n":1,"_version":"v"})", "other"},
      {R"({"id": "a","n":1,"note":"b"})", "other"},
      {R"({"id":"a","n":1 ,"note":"b"})", "other"},
      {R"({"id":"\u0061","n":1,"note":"b"})", "other"},
      {"{\"id\":\"a\tb\",\"n\":1,\"note\":\"b\"}", "other"},
      {"{\"id\":\"a\xff\",\"n\":1,\"note\":\"b\"}", "other"},
      {R"({"id":"a","new":{"note":"no"},"n":1,"note":"b"})", "other"},
      {R"({"id":"a","n":1,"big":[1],"note":"b"})", "other"},
      // Wrong types and broken documents are told by the general parser.
      {R"({"id":1,"n":1,"note":"b"})", "other"},
      {R"({"id":"a","n":"1","note":"b"})", "other"},
      {R"({"id":"a","n":1.0,"note":"b"})", "other"},
      {R"({"id":"a","n":01,"note":"b"})", "other"},
      {R"({"id":"a","n":+1,"note":"b"})", "other"},
      {R"({"id":"a","n":2147483648,"note":"b"})", "other"},
      {R"({"id":"a","n":,"note":"b"})", "other"},
      {R"({"id":"a","n":1)", "other"},
      {R"({"id":"a)", "other"},
      {R"({"id":"a"}})", "other"},
      {R"({)", "other"},
      {R"([])", "other"},
      {"", "other"},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(Decode(one.document), one.expected) << one.document;
  }
}

TEST(CanonicalDecoder, ReadsNumbersAsJsonHasThem) {
  const CanonicalDecoder decoder(Document(), {3});
  struct Case {
    const char* token;
    bool read;
    double expected;
  };
  constexpr Case kCases[] = {
      {"0", true, 0},         {"-0.5", true, -0.5}, {"1e+20", true, 1e20},
      {"12.25", true, 12.25}, {"1E5", true, 1e5},   {".5", false, 0},
      {"1.", false, 0},       {"1.e5", false, 0},   {"1e", false, 0},
      {"00", false, 0},       {"inf", false, 0},    {"-inf", false, 0},
      {"nan", false, 0},      {"0x1p3", false, 0},  {"-", false, 0},
      {"1e999", false, 0},    {"true", false, 0},
  };
  for (const Case& one : kCases) {
    std::vector<Value> values(1);
    std::vector<bool> present(1);
    const std::string document = std::string(R"({"real":)") + one.token + "}";
    EXPECT_EQ(decoder.Decode(document, values, present), one.read) << one.token;
    if (one.read) EXPECT_EQ(values[0].real, one.expected) << one.token;
  }
}

}  // namespace
}  // namespace millrace::pipeline
