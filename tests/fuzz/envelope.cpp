/// What can be read as a change event is written and read back the same.

#include "change/envelope.hpp"

#include <cstdint>

#include "base/json.hpp"
#include "sample.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  const std::string body = fuzz::Padded({reinterpret_cast<const char*>(data), size});
  const auto event = change::ParseEnvelope(std::string_view(body).substr(0, size));
  if (!event) return 0;
  // A key is given as it stands between its quotes: with escapes, which would be escaped.
  std::string key;
  AppendJsonString(key, event->key);
  if (key != event->key_json) return 0;
  std::string written;
  change::AppendEnvelope(written, *event);
  const auto bytes = written.size();
  written = fuzz::Padded(written);
  const auto again = change::ParseEnvelope(std::string_view(written).substr(0, bytes));
  fuzz::Require(again.has_value(), "what was written can be read");
  fuzz::Require(again->version == event->version && again->key == event->key &&
                    again->op == event->op && again->committed_at == event->committed_at,
                "it is the same event");
  return 0;
}
