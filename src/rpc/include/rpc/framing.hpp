#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::rpc {

/// Code units of UTF-16 that valid UTF-8 text takes: what the framing counts.
std::size_t CountUnits(std::string_view text);

/// Appends `<length>#<json>`, the length in UTF-16 code units: one message of NestJS's
/// TCP transport.
void AppendFrame(std::string& out, std::string_view json);

/// Cuts a stream of bytes into frames, however they were split or joined on the way. Each
/// byte is looked at once. One thread.
class FrameReader {
 public:
  /// As many bytes as simdjson reads past the end; readable behind each frame.
  static constexpr std::size_t kPadding = 64;

  explicit FrameReader(std::size_t max_units) : max_units_(max_units) {}

  /// Where the next bytes are to be put; never empty. Ends the life of frames.
  std::span<char> Space();
  void Commit(std::size_t bytes) { end_ += bytes; }
  /// The next whole frame's JSON text, which lives until Space; nothing when more bytes
  /// are needed. kInvalidArgument: the length is no number, or ends within a character;
  /// kTooLarge: over `max_units`. After an error the stream cannot be gone on with.
  Result<std::optional<std::string_view>> Next();

 private:
  Result<bool> ReadLength();

  const std::size_t max_units_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< of the frame under way: its length, then its text
  std::size_t end_ = 0;
  std::size_t seen_ = 0;  ///< up to here bytes were counted
  std::size_t left_ = 0;  ///< units of the text that are still to come
  bool in_text_ = false;
};

}  // namespace millrace::rpc
