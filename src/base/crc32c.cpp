#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Table MakeTable() {
  Table table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1u) ^ ((crc & 1u) * kPolynomial);
    table[0][i] = crc;
  }
  for (std::size_t slice = 1; slice < table.size(); ++slice) {
    for (std::size_t i = 0; i < 256; ++i) {
      const auto before = table[slice - 1][i];
      table[slice][i] = (before >> 8u) ^ table[0][before & 0xffu];
    }
  }
  return table;
}

constexpr Table kTable = MakeTable();

std::uint64_t Load64(const char* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace

std::uint32_t Crc32cSoftware(std::string_view data, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  while (data.size() >= 8) {  // slicing by eight
    const auto word = Load64(data.data()) ^ state;
    state = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      state ^= kTable[7 - i][(word >> (8 * i)) & 0xffu];
    }
    data.remove_prefix(8);
  }
  for (const char c : data) {
    state = (state >> 8u) ^ kTable[0][(state ^ static_cast<unsigned char>(c)) & 0xffu];
  }
  return ~static_cast<std::uint32_t>(state);
}

#if defined(__x86_64__)
bool HasCrc32cHardware() { return __builtin_cpu_supports("sse4.2") != 0; }

/// What kLane zero bytes make of a state, as four tables: the operation is linear, so
/// three lanes can run side by side (the instruction waits three cycles for its last
/// result) and be joined after.
constexpr std::size_t kLane = 512;
using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;

ShiftTable MakeShiftTable() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    std::uint32_t state = 1u << bit;
    for (std::size_t i = 0; i < kLane; ++i) {
      state = (state >> 8u) ^ kTable[0][state & 0xffu];
    }
    of_bit[bit] = state;
  }
  ShiftTable table{};
  for (std::uint32_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      for (std::uint32_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1u) != 0) table[byte][value] ^= of_bit[8 * byte + bit];
      }
    }
  }
  return table;
}

std::uint64_t ShiftLane(const ShiftTable& table, std::uint64_t state) {
  return table[0][state & 0xffu] ^ table[1][(state >> 8u) & 0xffu] ^
         table[2][(state >> 16u) & 0xffu] ^ table[3][(state >> 24u) & 0xffu];
}

__attribute__((target("sse4.2"))) std::uint32_t Crc32cHardware(std::string_view data,
                                                               std::uint32_t crc) {
  static const ShiftTable kShift = MakeShiftTable();
  std::uint64_t state = ~crc;
  while (data.size() >= 3 * kLane) {
    const char* const from = data.data();
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kLane; i += 8) {
      state = _mm_crc32_u64(state, Load64(from + i));
      second = _mm_crc32_u64(second, Load64(from + kLane + i));
      third = _mm_crc32_u64(third, Load64(from + 2 * kLane + i));
    }
    state = ShiftLane(kShift, ShiftLane(kShift, state) ^ second) ^ third;
    data.remove_prefix(3 * kLane);
  }
  while (data.size() >= 8) {
    state = _mm_crc32_u64(state, Load64(data.data()));
    data.remove_prefix(8);
  }
  auto tail = static_cast<std::uint32_t>(state);
  for (const char c : data) tail = _mm_crc32_u8(tail, static_cast<unsigned char>(c));
  return ~tail;
}
bool HasCrc32cFolding() {
  return HasCrc32cHardware() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("vpclmulqdq") != 0;
}

/// x to the `n` modulo the polynomial, bits reversed as everything here.
constexpr std::uint64_t PowerOfX(std::size_t n) {
  std::uint32_t power = 1u << 31u;
  for (; n > 0; --n) power = (power >> 1u) ^ ((power & 1u) * kPolynomial);
  return power;
}

#define MR_FOLDING __attribute__((target("avx512f,vpclmulqdq,sse4.2")))

/// What each 16 bytes are multiplied with to stand `bytes` further on: their first half,
/// then their second. A product of reversed factors is one bit short, and the constants
/// are in the upper half of 64 bits: hence the 33.
MR_FOLDING __m512i FoldBy(std::size_t bytes) {
  return _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<std::int64_t>(PowerOfX(8 * bytes - 33)),
                     static_cast<std::int64_t>(PowerOfX(8 * bytes + 64 - 33))));
}

MR_FOLDING __m512i Fold(__m512i from, __m512i by, __m512i onto) {
  constexpr int kXor3 = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(from, by, 0x00),
                                   _mm512_clmulepi64_epi128(from, by, 0x11), onto, kXor3);
}

/// Carry-less products bring 256 bytes at once onto the next 256 with the sum unchanged,
/// four times as fast as the instruction for sums; that one does what is left.
MR_FOLDING std::uint32_t Crc32cFolding(std::string_view data, std::uint32_t crc) {
  constexpr std::size_t kWide = 64;
  constexpr std::size_t kStep = 4 * kWide;
  if (data.size() < 2 * kStep) return Crc32cHardware(data, crc);
  static const __m512i kByStep = FoldBy(kStep);
  static const __m512i kByWide = FoldBy(kWide);
  const auto load = [&](std::size_t at)
                        MR_FOLDING { return _mm512_loadu_si512(data.data() + at); };
  auto a = _mm512_xor_si512(
      load(0), _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~crc))));
  auto b = load(kWide), c = load(2 * kWide), d = load(3 * kWide);
  std::size_t at = kStep;
  for (; at + kStep <= data.size(); at += kStep) {
    a = Fold(a, kByStep, load(at));
    b = Fold(b, kByStep, load(at + kWide));
    c = Fold(c, kByStep, load(at + 2 * kWide));
    d = Fold(d, kByStep, load(at + 3 * kWide));
  }
  d = Fold(Fold(Fold(a, kByWide, b), kByWide, c), kByWide, d);
  std::array<char, kWide> last;
  _mm512_storeu_si512(last.data(), d);
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < kWide; i += 8)
    state = _mm_crc32_u64(state, Load64(last.data() + i));
  return Crc32cHardware(data.substr(at), ~static_cast<std::uint32_t>(state));
}

#undef MR_FOLDING
#else
bool HasCrc32cHardware() { return false; }
bool HasCrc32cFolding() { return false; }

std::uint32_t Crc32cFolding(std::string_view data, std::uint32_t crc) {
  return Crc32cSoftware(data, crc);
}

std::uint32_t Crc32cHardware(std::string_view data, std::uint32_t crc) {
  return Crc32cSoftware(data, crc);
}
#endif

std::uint32_t Crc32c(std::string_view data, std::uint32_t crc) {
  static const auto kSum = HasCrc32cFolding()    ? Crc32cFolding
                           : HasCrc32cHardware() ? Crc32cHardware
                                                 : Crc32cSoftware;
  return kSum(data, crc);
}

}  // namespace millrace
