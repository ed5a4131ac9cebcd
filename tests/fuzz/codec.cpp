/// Other systems' change events: any bytes are an event or an error.

#include "change/codec.hpp"

#include <cstdint>

#include "sample.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  static const auto codecs = [] {
    std::vector<std::unique_ptr<change::Codec>> made;
    for (const char* name : {"mongodb-change-stream", "operation-data"}) {
      made.push_back(std::move(*change::MakeCodec(name, fuzz::Sample())));
    }
    return made;
  }();
  if (size == 0) return 0;
  const std::string payload =
      fuzz::Padded({reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto decoded = codecs[data[0] % codecs.size()]->Decode(
      std::string_view(payload).substr(0, size - 1));
  if (!decoded) fuzz::Require(!decoded.error().message().empty(), "an error says why");
  return 0;
}
