#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace {

/// CRC-32C (Castagnoli) of `data`, continuing from `crc` (0 to begin). SSE 4.2 where the
/// machine has it, tables otherwise: the same result.
std::uint32_t Crc32c(std::string_view data, std::uint32_t crc = 0);

/// XXH3, 64 bit. Its value is part of the stored sums: never change the seed.
std::uint64_t Hash64(std::string_view data, std::uint64_t seed = 0);

void AppendHex(std::string& out, std::uint64_t value, int digits);
Result<std::uint64_t> ParseHex(std::string_view hex);

/// Standard alphabet with padding.
void AppendBase64(std::string& out, std::string_view bytes);
Result<std::string> DecodeBase64(std::string_view text);
/// URL-safe alphabet, no padding: cursors.
std::string EncodeBase64Url(std::string_view bytes);
Result<std::string> DecodeBase64Url(std::string_view text);

/// "8MiB", "64 KiB", "1GiB", "512" (bytes). Errors say which units exist.
Result<std::uint64_t> ParseByteSize(std::string_view text);
/// "50ms", "60s", "5m", "24h". In milliseconds. Errors say which units exist.
Result<std::int64_t> ParseDurationMs(std::string_view text);

/// The near miss of `word` among `candidates` (edit distance at most 2), or empty: for
/// "did you mean" in errors.
std::string_view NearMiss(std::string_view word, const std::string_view* candidates,
                          std::size_t count);

/// What somebody sent, for an error message: in quotes, cut at `limit` bytes on a
/// character border, and always valid UTF-8 (other bytes become '?').
std::string Excerpt(std::string_view text, std::size_t limit = 64);

}  // namespace millrace
