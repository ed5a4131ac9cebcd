#include "simulator/random.hpp"

#include "base/json.hpp"

namespace millrace::simulator {

// splitmix64 (Steele, Lea, Flood 2014): one word of state, passes BigCrush.
std::uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31U);
}

std::uint64_t Random::Below(std::uint64_t bound) {
  // The first 2^64 mod bound numbers would make the small results likelier.
  const std::uint64_t surplus = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t number = Next();
    if (number >= surplus) return number % bound;
  }
}

std::int64_t Random::Between(std::int64_t low, std::int64_t high) {
  return low +
         static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(high - low) + 1));
}

std::string Random::Money(std::int64_t low_cents, std::int64_t high_cents) {
  std::string text;
  AppendDouble(text, static_cast<double>(Between(low_cents, high_cents - 1)) / 100);
  return text;
}

std::string_view Random::Pick(std::span<const std::string_view> from) {
  return from[Below(from.size())];
}

std::string Random::Hex(std::size_t digits) {
  std::string text;
  while (text.size() < digits) text += "0123456789abcdef"[Below(16)];
  return text;
}

bool Random::Chance(double share) {
  return static_cast<double>(Next() >> 11U) * 0x1p-53 < share;
}

}  // namespace millrace::simulator
