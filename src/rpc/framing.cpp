#include "rpc/framing.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace millrace::rpc {
namespace {

constexpr std::size_t kReadSize = 16u << 10u;
/// An emptied buffer that grew beyond this is given back.
constexpr std::size_t kKeptBytes = 256u << 10u;
constexpr std::size_t kMaxDigits = 9;

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

std::size_t CountUnits(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    units += static_cast<std::size_t>((byte & 0xc0u) != 0x80u);
    units += static_cast<std::size_t>(byte >= 0xf0u);  // a pair of surrogates
  }
  return units;
}

void AppendFrame(std::string& out, std::string_view json) {
  AppendUint(out, CountUnits(json));
  out += '#';
  out += json;
}

std::span<char> FrameReader::Space() {
  if (begin_ == end_) {
    begin_ = end_ = seen_ = 0;
    if (buffer_.size() > kKeptBytes) buffer_ = {};
  } else if (begin_ > 0 && buffer_.size() < end_ + kReadSize + kPadding) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    seen_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadSize + kPadding) {
    buffer_.resize(std::max(2 * buffer_.size(), end_ + kReadSize + kPadding));
  }
  return {buffer_.data() + end_, buffer_.size() - end_ - kPadding};
}

Result<std::optional<std::string_view>> FrameReader::Next() {
  if (!in_text_) {
    MR_TRY(const bool known, ReadLength());
    if (!known) return std::nullopt;
  }
  // A unit is a byte at least: what is skipped here never goes beyond the frame.
  while (left_ > 0 && seen_ < end_) {
    const auto bytes = std::min(left_, end_ - seen_);
    const auto units = CountUnits({buffer_.data() + seen_, bytes});
    const bool ends = units == left_;
    // JSON ends in ASCII: what ends otherwise may lack bytes that are not here yet.
    if (units > left_ || (ends && !IsAscii(buffer_[seen_ + bytes - 1]))) {
      return Fail(ErrorCode::kInvalidArgument, "a frame ends within a character");
    }
    left_ -= units;
    seen_ += bytes;
  }
  if (left_ > 0) return std::nullopt;
  const std::string_view text(buffer_.data() + begin_, seen_ - begin_);
  begin_ = seen_;
  in_text_ = false;
  return text;
}

Result<bool> FrameReader::ReadLength() {
  const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
  const auto mark = rest.substr(0, kMaxDigits + 1).find('#');
  const auto digits = rest.substr(0, std::min(mark, kMaxDigits + 1));
  const bool numeric =
      std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  const bool whole = mark != std::string_view::npos;
  if (!numeric || digits.size() > kMaxDigits || (whole && digits.empty())) {
    return Fail(ErrorCode::kInvalidArgument,
                "the length of a frame is no number: " + Excerpt(digits));
  }
  if (!whole) return false;
  std::from_chars(digits.data(), digits.data() + digits.size(), left_);
  if (left_ > max_units_) {
    return Fail(ErrorCode::kTooLarge, "a frame of " + std::string(digits) +
                                          " characters, at most " +
                                          std::to_string(max_units_) + " are taken");
  }
  begin_ += mark + 1;
  seen_ = begin_;
  in_text_ = true;
  return true;
}

}  // namespace millrace::rpc
