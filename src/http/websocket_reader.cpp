#include "websocket_reader.hpp"

#include <algorithm>
#include <utility>

namespace millrace::http::internal {
namespace {

constexpr std::uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9,
                       kPong = 10;
constexpr std::uint16_t kNormal = 1000, kProtocolError = 1002, kTooBig = 1009;
/// Nobody has anything to say to us; what is larger is a mistake.
constexpr std::uint64_t kMaxMessage = 64u << 10u;
constexpr std::size_t kMaskBytes = 4;

std::uint8_t ByteAt(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8u | static_cast<std::uint8_t>(c);
  return value;
}

/// How many bytes tell the length behind the first two.
std::size_t LengthBytes(std::uint8_t seven_bits) {
  if (seven_bits < 126) return 0;
  return seven_bits == 126 ? 2 : 8;
}

bool MayBeSent(std::uint16_t code) {
  const bool known =
      code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
  return known || (code >= 3000 && code <= 4999);
}

}  // namespace

bool WebSocketReader::Take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!in_payload_) {
      header_ += bytes.front();
      bytes.remove_prefix(1);
      if (!HeaderComplete()) continue;
      if (!CheckHeader()) return false;
      in_payload_ = true;
    }
    const auto count = std::min<std::uint64_t>(left_, bytes.size());
    if ((opcode_ & 8u) != 0) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto mask = header_[header_.size() - kMaskBytes + (at_ + i) % kMaskBytes];
        payload_ += static_cast<char>(bytes[i] ^ mask);
      }
    }
    at_ += count;
    left_ -= count;
    bytes.remove_prefix(count);
    if (left_ == 0 && !EndFrame()) return false;
  }
  return true;
}

bool WebSocketReader::HeaderComplete() {
  if (header_.size() < 2) return false;
  const auto second = ByteAt(header_, 1);
  if ((second & 0x80u) == 0) return true;  // not masked: there is nothing to wait for
  return header_.size() == 2 + LengthBytes(second & 0x7fu) + kMaskBytes;
}

bool WebSocketReader::CheckHeader() {
  const auto first = ByteAt(header_, 0), second = ByteAt(header_, 1);
  opcode_ = first & 0x0fu;
  final_ = (first & 0x80u) != 0;
  const bool masked = (second & 0x80u) != 0, reserved = (first & 0x70u) != 0;
  if (!masked || reserved) return Fail(kProtocolError);
  const auto more = LengthBytes(second & 0x7fu);
  left_ =
      more == 0 ? second & 0x7fu : BigEndian(std::string_view(header_).substr(2, more));
  at_ = 0;
  if (opcode_ == kClose || opcode_ == kPing || opcode_ == kPong) {
    return final_ && left_ < 126 ? true : Fail(kProtocolError);
  }
  const bool begins = opcode_ == kText || opcode_ == kBinary;
  if (!begins && opcode_ != kContinuation) return Fail(kProtocolError);
  if (begins == in_message_) return Fail(kProtocolError);
  // Not added up first: a length may be near 2^64.
  if (left_ > kMaxMessage || message_ + left_ > kMaxMessage) return Fail(kTooBig);
  message_ += left_;
  in_message_ = true;
  return true;
}

bool WebSocketReader::EndFrame() {
  in_payload_ = false;
  header_.clear();
  if ((opcode_ & 8u) == 0) {
    if (final_) in_message_ = false;
    if (final_) message_ = 0;
    return true;
  }
  if (opcode_ == kClose) return EndClose();
  if (opcode_ == kPing) ping_ = std::move(payload_);
  payload_.clear();
  return true;
}

bool WebSocketReader::EndClose() {
  if (payload_.empty()) return Fail(kNormal);
  if (payload_.size() == 1) return Fail(kProtocolError);
  const auto code =
      static_cast<std::uint16_t>(BigEndian(std::string_view(payload_).substr(0, 2)));
  return Fail(MayBeSent(code) ? code : kProtocolError);
}

bool WebSocketReader::Fail(std::uint16_t code) {
  close_code_ = code;
  return false;
}

std::optional<std::string> WebSocketReader::TakePing() {
  return std::exchange(ping_, std::nullopt);
}

}  // namespace millrace::http::internal
