/// What a body becomes is canonical: read again, it stays as it is.

#include <cstdint>

#include "sample.hpp"
#include "schema/record_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  static const schema::RecordCodec codec(fuzz::Sample());
  const std::string body = fuzz::Padded({reinterpret_cast<const char*>(data), size});
  bool batch = false;
  const auto drafts =
      codec.ParseCreates(std::string_view(body).substr(0, size), 100, &batch);
  if (!drafts) return 0;
  for (const auto& draft : *drafts) {
    if (draft.key.empty()) continue;
    const std::string once = fuzz::Padded(draft.json);
    const auto again = codec.ParseReplace(
        std::string_view(once).substr(0, draft.json.size()), draft.key);
    fuzz::Require(again.has_value(), "a canonical document is taken");
    fuzz::Require(again->json == draft.json, "a canonical document stays as it is");
    for (const auto& field : codec.collection().fields) {
      const auto literal = schema::FindMember(draft.json, field.name);
      fuzz::Require(!literal.empty(), "every field is there");
      fuzz::Require(schema::ToSortValue(field.type, literal).has_value(),
                    "every literal has an order");
    }
  }
  return 0;
}
