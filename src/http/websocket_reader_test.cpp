#include "websocket_reader.hpp"

#include <gtest/gtest.h>

namespace millrace::http::internal {
namespace {

/// A frame as a client sends it, masked.
std::string Frame(std::uint8_t first, std::string_view payload) {
  constexpr std::string_view kMask = "mask";
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80u | payload.size());
  } else {
    out += static_cast<char>(0xfe);
    out += static_cast<char>(payload.size() >> 8u);
    out += static_cast<char>(payload.size() & 0xffu);
  }
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  }
  return out;
}

TEST(WebSocketReader, TakesFramesInAnyPieces) {
  const auto bytes = Frame(0x01, std::string(300, 'a')) + Frame(0x89, "between") +
                     Frame(0x80, "end") + Frame(0x89, "newest") + Frame(0x8a, "");
  for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u}) {
    WebSocketReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      ASSERT_TRUE(reader.Take(std::string_view(bytes).substr(at, step)));
    }
    EXPECT_EQ(reader.TakePing(), "newest");
    EXPECT_FALSE(reader.TakePing().has_value());
  }
}

TEST(WebSocketReader, AnswersACloseWithItsCode) {
  const std::pair<std::string_view, std::uint16_t> cases[] = {
      {"", 1000},     {"\x03\xe8", 1000}, {"\x0f\xa0text", 4000},
      {"\x03", 1002}, {"\x03\xed", 1002},  // 1005 is not for frames
  };
  for (const auto& [payload, code] : cases) {
    WebSocketReader reader;
    EXPECT_FALSE(reader.Take(Frame(0x88, payload)));
    EXPECT_EQ(reader.close_code(), code);
  }
}

TEST(WebSocketReader, RefusesWhatTheProtocolForbids) {
  const std::pair<std::string, std::uint16_t> cases[] = {
      {std::string("\x81\x01", 2) + "abcdx", 1002},  // no mask
      {Frame(0xc1, "x"), 1002},                      // a reserved bit
      {Frame(0x83, "x"), 1002},                      // an unknown opcode
      {Frame(0x80, "x"), 1002},                      // continues nothing
      {Frame(0x01, "x") + Frame(0x81, "x"), 1002},   // two messages at once
      {Frame(0x09, "x"), 1002},                      // a control frame in parts
      {Frame(0x89, std::string(126, 'x')), 1002},    // a long control frame
      {Frame(0x01, std::string(60'000, 'x')) + Frame(0x80, std::string(6'000, 'x')),
       1009},
      {std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10) + "mask", 1009},
  };
  for (const auto& [bytes, code] : cases) {
    WebSocketReader reader;
    EXPECT_FALSE(reader.Take(bytes));
    EXPECT_EQ(reader.close_code(), code);
  }
}

}  // namespace
}  // namespace millrace::http::internal
