#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::http::internal {

/// Understands what a WebSocket client sends (RFC 6455), byte by byte if need be. Data
/// frames are checked and dropped: our streams go one way. Keeps 125 bytes at most.
class WebSocketReader {
 public:
  /// Takes the next bytes. False: nothing after them counts, and close_code() says why.
  bool Take(std::string_view bytes);

  /// The code to answer a close with: the client's own, 1000 if it gave none, or what is
  /// wrong with its frames (1002 protocol, 1009 too big).
  std::uint16_t close_code() const { return close_code_; }
  /// The payload of the newest ping that has no pong yet; taken once.
  std::optional<std::string> TakePing();

 private:
  bool HeaderComplete();
  bool CheckHeader();
  bool EndFrame();
  bool EndClose();
  bool Fail(std::uint16_t code);

  std::string header_;
  std::string payload_;  ///< of a control frame, unmasked
  std::uint64_t left_ = 0;
  std::uint64_t at_ = 0;  ///< payload bytes seen
  std::uint64_t message_ = 0;
  std::uint8_t opcode_ = 0;
  bool final_ = false;
  bool in_payload_ = false;
  bool in_message_ = false;
  std::uint16_t close_code_ = 0;
  std::optional<std::string> ping_;
};

}  // namespace millrace::http::internal
