#include "document_decoder.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "schema/record_codec.hpp"

namespace millrace::pipeline {
namespace {

std::string Show(const Value& value) {
  std::string out;
  switch (value.tag) {
    case Value::Tag::kNull:
      return "null";
    case Value::Tag::kInteger:
      return std::to_string(value.integer);
    case Value::Tag::kDouble:
      return std::to_string(value.real);
    case Value::Tag::kDecimal:
      AppendDecimal(out, value.unscaled, 0);
      return out;
    case Value::Tag::kUuid:
      AppendUuid(out, value.uuid);
      return out;
    case Value::Tag::kText:
    case Value::Tag::kLiteral:
      return std::string(value.view());
  }
  return "?";
}

/// Decodes field `f` of `type` from the document; the drift's reason when it is refused.
std::string DecodeOne(const std::string& type, bool required, std::string document) {
  schema::Collection collection;
  collection.name = "c";
  collection.key = "k";
  schema::Field key{"k", schema::Type::Simple(schema::Kind::kText), true};
  schema::Field field{"f", *schema::Type::Parse(type), required};
  collection.fields = {key, field};
  DocumentDecoder decoder(collection, {1});
  const std::size_t size = document.size();
  document.append(schema::kJsonPadding, ' ');
  const auto drift = decoder.Decode(std::string_view(document.data(), size));
  return drift ? drift->reason : Show(decoder.values()[0]);
}

TEST(DocumentDecoder, ReadsOrRefusesEachField) {
  struct Case {
    const char* name;
    const char* type;
    bool required;
    const char* document;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {"text", "text", false, R"({"k":"a","f":"x \"y\" \u00e9"})", "x \"y\" é"},
      {"text in any order", "text", false, R"({"f":"x","k":"a"})", "x"},
      {"unknown fields before", "text", false, R"({"z":[1,{"f":2}],"k":"a","f":"x"})",
       "x"},
      {"null", "text", true, R"({"k":"a","f":null})", "null"},
      {"newer than the document", "text", false, R"({"k":"a"})", "null"},
      {"required and gone", "text", true, R"({"k":"a"})",
       "field f: required, and the document lacks it"},
      {"was a number", "text", false, R"({"k":"a","f":5})",
       "field f: expected text, found '5'"},
      {"is a number now", "bigint", false, R"({"k":"a","f":"5"})",
       "field f: expected bigint, found '\"5\"'"},
      {"fraction", "bigint", false, R"({"k":"a","f":5.5})",
       "field f: expected bigint, found '5.5'"},
      {"too big for integer", "integer", false, R"({"k":"a","f":2147483648})",
       "field f: expected integer, found '2147483648'"},
      {"bigint", "bigint", false, R"({"k":"a","f":-9223372036854775808})",
       "-9223372036854775808"},
      {"double of digits", "double", false, R"({"k":"a","f":5})", "5.000000"},
      {"boolean", "boolean", false, R"({"k":"a","f":true})", "1"},
      {"boolean from text", "boolean", false, R"({"k":"a","f":"true"})",
       "field f: expected boolean, found '\"true\"'"},
      {"decimal", "decimal(10,2)", false, R"({"k":"a","f":"12.50"})", "1250"},
      {"decimal with another scale", "decimal(10,1)", false, R"({"k":"a","f":"12.55"})",
       "field f: expected decimal(10,1), found '\"12.55\"'"},
      {"date", "date", false, R"({"k":"a","f":"1970-01-03"})", "2"},
      {"no date", "date", false, R"({"k":"a","f":"1970-02-30"})",
       "field f: expected date, found '\"1970-02-30\"'"},
      {"timestamp", "timestamp", false, R"({"k":"a","f":"1970-01-01T00:00:01Z"})",
       "1000000"},
      {"uuid", "uuid", false, R"({"k":"a","f":"01890a5d-ac96-774b-bcce-b302099a8057"})",
       "01890a5d-ac96-774b-bcce-b302099a8057"},
      {"json", "json", false, R"({"k":"a","f":{"a":[1,"}"]},"z":1})", R"({"a":[1,"}"]})"},
      {"array", "bigint[]", false, R"({"k":"a","f":[1,2]})", "[1,2]"},
      {"array that was text", "bigint[]", false, R"({"k":"a","f":"x"})",
       "field f: expected bigint[], found '\"x\"'"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(DecodeOne(c.type, c.required, c.document), c.expected);
  }
}

TEST(DocumentDecoder, RefusesWhatIsNoDocument) {
  for (const char* document :
       {"", "[]", "{", "{\"k\"", "{\"k\":\"a\",\"f\":", "null", "\"\""}) {
    SCOPED_TRACE(document);
    EXPECT_NE(DecodeOne("text", false, document).find("the document cannot be read"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::pipeline
