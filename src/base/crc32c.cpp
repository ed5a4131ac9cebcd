#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
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
#else
bool HasCrc32cHardware() { return false; }

std::uint32_t Crc32cHardware(std::string_view data, std::uint32_t crc) {
  return Crc32cSoftware(data, crc);
}
#endif

std::uint32_t Crc32c(std::string_view data, std::uint32_t crc) {
  static const bool kHardware = HasCrc32cHardware();
  return kHardware ? Crc32cHardware(data, crc) : Crc32cSoftware(data, crc);
}

}  // namespace millrace
