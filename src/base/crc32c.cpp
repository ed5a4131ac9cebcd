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

__attribute__((target("sse4.2"))) std::uint32_t Crc32cHardware(std::string_view data,
                                                               std::uint32_t crc) {
  std::uint64_t state = ~crc;
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
