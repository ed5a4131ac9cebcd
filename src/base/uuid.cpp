#include "base/uuid.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <span>

#include "base/bytes.hpp"

namespace millrace {
namespace {

constexpr std::size_t kUuidLength = 36;
constexpr std::uint32_t kMaxCounter = 0xfff;           // rand_a has 12 bits
constexpr std::uint32_t kMaxObjectCounter = 0xffffff;  // 3 bytes

bool IsDashAt(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Ids without randomness would collide in silence: better no process.
void FillRandom(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto got = getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0 && errno != EINTR) std::abort();
    if (got > 0) done += static_cast<std::size_t>(got);
  }
}

}  // namespace

void AppendUuid(std::string& out, const Uuid& uuid) {
  constexpr char kHexDigits[] = "0123456789abcdef";
  std::array<char, kUuidLength> text;
  std::size_t at = 0;
  for (const auto byte : uuid) {
    if (IsDashAt(at)) text[at++] = '-';
    text[at++] = kHexDigits[byte >> 4u];
    text[at++] = kHexDigits[byte & 0xfu];
  }
  out.append(text.data(), text.size());
}

Result<Uuid> ParseUuid(std::string_view text) {
  Uuid uuid{};
  bool valid = text.size() == kUuidLength;
  std::size_t byte = 0;
  for (std::size_t at = 0; valid && at < kUuidLength;) {
    if (IsDashAt(at)) {
      valid = text[at++] == '-';
      continue;
    }
    const int high = HexDigit(text[at]);
    const int low = HexDigit(text[at + 1]);
    valid = high >= 0 && low >= 0;
    uuid[byte++] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
  }
  if (!valid) {
    return Fail(ErrorCode::kInvalidArgument,
                Excerpt(text) + " is not a UUID: 8-4-4-4-12 hex digits");
  }
  return uuid;
}

// Both counters begin full: the first id after a restart must lie past every id that was
// made in the last millisecond (second) of the process before, whose counters are gone.
IdMaker::IdMaker(const Clock& clock, std::int64_t floor_ms)
    : clock_(clock),
      last_ms_(floor_ms),
      counter_(kMaxCounter),
      object_counter_(kMaxObjectCounter),
      object_seconds_(floor_ms / 1000) {
  FillRandom(process_);
}

std::uint64_t IdMaker::Random() {
  if (random_at_ == random_.size()) {
    FillRandom({reinterpret_cast<std::uint8_t*>(random_.data()), sizeof random_});
    random_at_ = 0;
  }
  return random_[random_at_++];
}

Uuid IdMaker::UuidV7() {
  const auto now = clock_.Now() / 1000;
  if (now > last_ms_) {
    last_ms_ = now;
    counter_ = 0;
  } else if (++counter_ > kMaxCounter) {
    ++last_ms_;
    counter_ = 0;
  }
  Uuid uuid{};
  const auto ms = static_cast<std::uint64_t>(last_ms_);
  for (unsigned i = 0; i < 6; ++i)
    uuid[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  uuid[6] = static_cast<std::uint8_t>(0x70u | (counter_ >> 8u));
  uuid[7] = static_cast<std::uint8_t>(counter_);
  auto random = Random();
  uuid[8] = static_cast<std::uint8_t>(0x80u | (random & 0x3fu));
  for (std::size_t i = 9; i < 16; ++i) {
    random >>= 8u;
    uuid[i] = static_cast<std::uint8_t>(random);
  }
  return uuid;
}

std::string IdMaker::ObjectId() {
  const auto now = clock_.Now() / 1'000'000;
  if (now > object_seconds_) {
    object_seconds_ = now;
    object_counter_ = 0;
  } else if (++object_counter_ > kMaxObjectCounter) {
    ++object_seconds_;
    object_counter_ = 0;
  }
  last_ms_ = std::max(last_ms_, object_seconds_ * 1000);
  std::string out;
  out.reserve(24);
  AppendHex(out, static_cast<std::uint64_t>(object_seconds_), 8);
  for (const auto byte : process_) AppendHex(out, byte, 2);
  AppendHex(out, object_counter_, 6);
  return out;
}

}  // namespace millrace
