#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::rpc::internal {

/// One message of NestJS's TCP transport, of either direction; JSON texts are minified,
/// empty where the member is absent.
struct Packet {
  std::string pattern;  ///< as RouteOf gives it
  std::string data;
  std::string id;     ///< empty: an event, which has no answer
  std::string token;  ///< of the calling service: the text itself
  std::string response;
  std::string err;
};

/// One thread; keeps its buffers.
class PacketParser {
 public:
  /// `json` has FrameReader::kPadding readable bytes behind it. JSON that is no object
  /// gives an empty packet. kInvalidArgument: no JSON.
  Result<Packet> Parse(std::string_view json);

 private:
  simdjson::dom::parser parser_;
};

/// {"response":<json>,"isDisposed":true,"id":<id>}
std::string ReplyPacket(std::string_view response, std::string_view id);
/// {"err":<json>,"isDisposed":true,"id":<id>}
std::string ErrorPacket(std::string_view err, std::string_view id);
/// What NestJS answers to a pattern that nobody handles.
std::string UnknownPatternPacket(std::string_view id);
/// {"pattern":<json>,"data":<json>,"id":"<number>"}, and "token":"<text>" where it is not
/// empty, a member that other implementations pass over.
std::string RequestPacket(std::string_view pattern, std::string_view data,
                          std::uint64_t id, std::string_view token);
/// Takes as long wherever the two differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace millrace::rpc::internal
