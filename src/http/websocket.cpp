#include "http/websocket.hpp"

#include <algorithm>
#include <boost/uuid/detail/sha1.hpp>

#include "ascii.hpp"
#include "base/bytes.hpp"

namespace millrace::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kKeyBytes = 16;

void AppendBigEndian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(value >> (8u * static_cast<unsigned>(i)) & 0xffu);
  }
}

void AppendFrame(std::string& out, std::uint8_t opcode, std::string_view payload) {
  out += static_cast<char>(0x80u | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(126);
    AppendBigEndian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(127);
    AppendBigEndian(out, payload.size(), 8);
  }
  out += payload;
}

/// RFC 6455, 4.2.2: proves that this server understood the request.
std::string AcceptOf(std::string_view key) {
  boost::uuids::detail::sha1 sha1;
  sha1.process_bytes(key.data(), key.size());
  sha1.process_bytes(kGuid.data(), kGuid.size());
  unsigned int digest[5];
  sha1.get_digest(digest);
  std::string bytes, out;
  for (const auto word : digest) AppendBigEndian(bytes, word, 4);
  AppendBase64(out, bytes);
  return out;
}

/// Whether `word`, in lower case, is among a header's comma separated words.
bool HasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto part = list.substr(0, comma);
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
    while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
    if (EqualsLowerCase(part, word)) return true;
  }
  return false;
}

std::unexpected<Error> Refuse(std::string_view header, std::string_view expected) {
  return Fail(Error(ErrorCode::kInvalidArgument,
                    std::string(header) + ": " + std::string(expected),
                    {{std::string(header), std::string(expected)}}));
}

}  // namespace

bool WantsWebSocket(const Request& request) {
  return HasWord(request.Header("upgrade"), "websocket");
}

Result<Response> AcceptWebSocket(const Request& request) {
  if (!HasWord(request.Header("connection"), "upgrade")) {
    return Refuse("Connection", "expected Upgrade");
  }
  if (request.Header("sec-websocket-version") != "13") {
    return Refuse("Sec-WebSocket-Version", "expected 13");
  }
  const auto key = request.Header("sec-websocket-key");
  const auto bytes = DecodeBase64(key);
  if (!bytes || bytes->size() != kKeyBytes) {
    return Refuse("Sec-WebSocket-Key", "expected 16 bytes as base64");
  }
  Response head;
  head.status = 101;
  head.headers = {{"Upgrade", "websocket"},
                  {"Connection", "Upgrade"},
                  {"Sec-WebSocket-Accept", AcceptOf(key)}};
  return head;
}

void AppendWebSocketText(std::string& out, std::string_view text) {
  AppendFrame(out, 1, text);
}
void AppendWebSocketPing(std::string& out) { AppendFrame(out, 9, {}); }
void AppendWebSocketPong(std::string& out, std::string_view payload) {
  AppendFrame(out, 10, payload);
}
void AppendWebSocketClose(std::string& out, std::uint16_t code) {
  std::string payload;
  AppendBigEndian(payload, code, 2);
  AppendFrame(out, 8, payload);
}

}  // namespace millrace::http
