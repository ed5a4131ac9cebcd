/// A rule is worked out for anyone, or its problems lie inside its text.

#include "query/rule.hpp"

#include <cstdint>

#include "sample.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  static const auto columns = fuzz::Sample().DocumentColumns();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rule = query::Rule::Parse(text, columns);
  if (!rule) {
    fuzz::Require(!rule.error().empty(), "what is refused has a problem");
    for (const auto& problem : rule.error()) {
      fuzz::Require(problem.offset <= size && !problem.message.empty(),
                    "a problem lies inside the text and says what it is");
    }
    return 0;
  }
  query::Principal somebody;
  somebody.authenticated = true;
  somebody.user_id = "u1";
  somebody.role = "admin";
  for (const auto& who : {query::Principal{}, somebody}) {
    const auto condition = rule->For(who);
    const auto again = query::Rule::Parse(rule->text(), columns);
    fuzz::Require(again.has_value() && again->For(who) == condition,
                  "the same text is the same rule");
  }
  return 0;
}
