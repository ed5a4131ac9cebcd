#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace millrace::http {

/// Whether the request asks for an upgrade to a WebSocket (RFC 6455).
bool WantsWebSocket(const Request& request);

/// The head that accepts it: 101 with its Sec-WebSocket-Accept, for Responder::Open with
/// StreamOptions::websocket. kInvalidArgument: not a whole handshake, or another version
/// than 13.
Result<Response> AcceptWebSocket(const Request& request);

/// Frames as a server sends them: final, not masked.
void AppendWebSocketText(std::string& out, std::string_view text);
void AppendWebSocketPing(std::string& out);
/// `payload` of at most 125 bytes.
void AppendWebSocketPong(std::string& out, std::string_view payload);
void AppendWebSocketClose(std::string& out, std::uint16_t code);

}  // namespace millrace::http
