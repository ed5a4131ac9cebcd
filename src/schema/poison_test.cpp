#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

#include "testing_orders.hpp"

namespace millrace::schema {
namespace {

std::string Repeated(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// Bodies that no store must ever see, each alone and inside a batch of good records.
std::vector<std::pair<std::string, std::string>> PoisonRecords() {
  const auto with = [](std::string value) {
    return R"({"order_id":"p","amount":1,"meta":)" + value + "}";
  };
  return {
      {"invalid UTF-8", with("\"a\xff\"")},
      {"cut UTF-8", with("\"\xe2\x82\"")},
      {"overlong UTF-8", with("\"\xc0\xaf\"")},
      {"surrogate in UTF-8", with("\"\xed\xa0\x80\"")},
      {"lone high surrogate", with(R"("\ud800")")},
      {"lone low surrogate", with(R"("\udc00")")},
      {"swapped surrogates", with(R"("\ude00\ud83d")")},
      {"depth 10,000", with(Repeated("[", 10'000) + Repeated("]", 10'000))},
      {"depth 10,000 of objects",
       with(Repeated(R"({"a":)", 10'000) + "1" + Repeated("}", 10'000))},
      {"depth 65", with(Repeated("[", 64) + Repeated("]", 64))},
      {"20 MB number", with(Repeated("9", 20'000'000))},
      {"2 MB fraction", with("0." + Repeated("1", 2'000'000))},
      {"2 MB number in a decimal field",
       R"({"order_id":"p","amount":)" + Repeated("9", 2'000'000) + "}"},
      {"2 MB number in an integer field",
       R"({"order_id":"p","amount":1,"customer":)" + Repeated("9", 2'000'000) + "}"},
      {"duplicate keys", R"({"order_id":"p","amount":1,"order_id":"q"})"},
      {"duplicate keys below", with(R"([{"a":1,"b":{"c":1,"c":1}}])")},
      {"NaN", with("NaN")},
      {"Infinity", with("-Infinity")},
      {"1e400", with("1e400")},
      {"2^63", R"({"order_id":"p","amount":1,"customer":9223372036854775808})"},
      {"NUL in text", with(R"("a\u0000b")")},
      {"raw NUL", with(std::string("\"a\0b\"", 5))},
      {"raw newline", with("\"a\nb\"")},
      {"date before", R"({"order_id":"p","amount":1,"due":"0000-12-31"})"},
      {"date after", R"({"order_id":"p","amount":1,"due":"10000-01-01"})"},
      {"day that is none", R"({"order_id":"p","amount":1,"due":"2023-02-29"})"},
      {"empty object", "{}"},
      {"null", "null"},
      {"a number", "1"},
      {"a string", R"("x")"},
      {"comment", with("1 /* no */")},
      {"single quotes", with("'x'")},
      {"unclosed string", R"({"order_id":"p)"},
      {"unclosed object", R"({"order_id":"p","amount":1)"},
      {"unclosed below", R"({"order_id":"p","amount":1,"meta":{"a":1})"},
      {"mismatched", R"({"order_id":"p","amount":1,"meta":[1}})"},
      {"colon for comma", R"({"order_id":"p":"amount":1})"},
      {"byte order mark", "\xef\xbb\xbf{\"order_id\":\"p\",\"amount\":1}"},
  };
}

TEST(Poison, IsRefusedAloneAndInABatch) {
  const RecordCodec codec{Orders()};
  const std::string good = R"({"order_id":"g","amount":1})";
  bool batch = false;
  for (const auto& [name, record] : PoisonRecords()) {
    SCOPED_TRACE(name);
    const auto alone = codec.ParseCreates(Padded(record), 10, &batch);
    ASSERT_FALSE(alone.has_value());
    EXPECT_EQ(alone.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_LT(alone.error().ToString().size(), 2000u);
    const auto within = codec.ParseCreates(
        Padded("[" + good + "," + record + "," + good + "]"), 10, &batch);
    ASSERT_FALSE(within.has_value());
    // The thread's parser is none the worse for it.
    EXPECT_TRUE(codec.ParseCreates(Padded("[" + good + "]"), 10, &batch).has_value());
  }
}

TEST(Poison, BodiesThatAreNotRecords) {
  const RecordCodec codec{Orders()};
  bool batch = false;
  for (const std::string body : {"",
                                 " ",
                                 "\n",
                                 "[]",
                                 "[",
                                 "]",
                                 "{",
                                 "}",
                                 "[}",
                                 "{]",
                                 "[[]]",
                                 "[null]",
                                 "[{}",
                                 R"([{"order_id":"g","amount":1}]x)",
                                 R"([{"order_id":"g","amount":1}][])",
                                 R"({"order_id":"g","amount":1}x)",
                                 R"({"order_id":"g","amount":1}{})",
                                 R"({"order_id":"g","amount":1}})",
                                 R"({"order_id":"g","amount":1},)",
                                 R"([{"order_id":"g","amount":1},])",
                                 R"([{"order_id":"g","amount":1} {}])"}) {
    SCOPED_TRACE(body);
    // What lies behind the body must not matter.
    for (const char behind : {'\0', '}', ']', '"', ' '}) {
      std::string padded = body + std::string(kJsonPadding, behind);
      const auto got =
          codec.ParseCreates(std::string_view(padded).substr(0, body.size()), 10, &batch);
      ASSERT_FALSE(got.has_value());
      EXPECT_EQ(got.error().code(), ErrorCode::kInvalidArgument);
    }
  }
}

TEST(MinifyJson, TakesDepth64) {
  const auto nested = [](std::size_t depth) {
    return Repeated("[", depth) + Repeated("]", depth);
  };
  EXPECT_TRUE(MinifyJson(Padded(nested(64))).has_value());
  EXPECT_FALSE(MinifyJson(Padded(nested(65))).has_value());
}

TEST(MinifyJson, FindsADuplicateAmongMany) {
  std::string body = "{";
  for (int i = 0; i < 100'000; ++i) body += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_TRUE(MinifyJson(Padded(body + "\"last\":1}")).has_value());
  EXPECT_FALSE(MinifyJson(Padded(body + "\"k5\":1}")).has_value());
}

/// Independent judge: simdjson's DOM, which reads everything. It knows no limits on
/// depth below 1024, duplicates, NUL, and refuses integers past 64 bits, so only bodies
/// on which both must agree are made here.
bool DomAccepts(const std::string& body) {
  simdjson::dom::parser parser;
  return parser.parse(simdjson::padded_string(body)).error() == simdjson::SUCCESS;
}

TEST(MinifyJson, AgreesWithTheDomOnBrokenBodies) {
  const std::string seed =
      R"({"a": [1, -2.5e3, true, false, null, "x\né\u00e9"], "b": {"c": {}, "d": []}, "e": "" })";
  constexpr std::string_view kBytes = "{}[]:,\"\\ 01-.e\tntfu\x80x";
  std::mt19937 random(11);
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    auto body = seed;
    const auto changes = 1 + random() % 3;
    for (unsigned i = 0; i < changes; ++i) {
      const auto at = random() % body.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0:
          body[at] = byte;
          break;
        case 1:
          body.insert(at, 1, byte);
          break;
        default:
          body.erase(at, 1);
          break;
      }
    }
    const auto ours = MinifyJson(Padded(body));
    const bool twice = !ours && Listed(ours.error()).find("twice") != std::string::npos;
    if (twice) continue;
    ASSERT_EQ(ours.has_value(), DomAccepts(body)) << body;
    if (!ours) continue;
    ++accepted;
    ASSERT_EQ(MinifyJson(Padded(*ours)).value(), *ours);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace millrace::schema
