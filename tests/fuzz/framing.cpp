/// Frames of NestJS's TCP transport are the same however the network cuts their bytes
/// (which are UTF-8: others are refused, sooner or later), and no longer than is taken; a
/// packet in one is read or refused.

#include "rpc/framing.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "packet.hpp"
#include "sample.hpp"

namespace millrace::rpc {
namespace {

constexpr std::size_t kMaxUnits = 2000;

/// The frames, and the kind of error that ended them (what it says is what had come).
std::vector<std::string> Feed(std::string_view bytes, std::size_t step) {
  FrameReader reader(kMaxUnits);
  std::vector<std::string> found;
  for (;;) {
    const auto frame = reader.Next();
    if (!frame) {
      found.push_back("refused " + std::string(ToString(frame.error().code())));
      return found;
    }
    if (*frame) {
      fuzz::Require(CountUnits(**frame) <= kMaxUnits, "a frame is within the limit");
      found.emplace_back(**frame);
      continue;
    }
    if (bytes.empty()) return found;
    const auto space = reader.Space();
    fuzz::Require(!space.empty(), "there is room for more bytes");
    const auto size = std::min({space.size(), bytes.size(), step});
    std::copy_n(bytes.data(), size, space.data());
    reader.Commit(size);
    bytes.remove_prefix(size);
  }
}

void ReadPacket(std::string_view frame) {
  internal::PacketParser parser;
  const auto padded = fuzz::Padded(frame);
  const auto packet = parser.Parse(std::string_view(padded).substr(0, frame.size()));
  if (!packet || packet->id.empty() || packet->response.empty()) return;
  const auto reply = fuzz::Padded(internal::ReplyPacket(packet->response, packet->id));
  const auto again = parser.Parse(
      std::string_view(reply).substr(0, reply.size() - FrameReader::kPadding));
  fuzz::Require(again && again->id == packet->id && again->response == packet->response,
                "an answer that was read can be sent and read again");
}

}  // namespace
}  // namespace millrace::rpc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto frames = rpc::Feed(bytes, size);
  const auto again = rpc::Feed(bytes, 1 + data[0] % 64);
  fuzz::Require(again == frames || !simdjson::validate_utf8(bytes),
                "pieces give the same frames as the whole");
  for (const auto& frame : frames) rpc::ReadPacket(frame);
  rpc::ReadPacket(bytes);
  return 0;
}
