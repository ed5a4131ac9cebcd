#include "damaged_wal.hpp"

#include <charconv>
#include <cstdint>
#include <optional>

#include "base/file.hpp"

namespace millrace::warehouse {
namespace {

constexpr std::uint64_t kEntryHeader = 16;  ///< length and checksum

/// Of the first byte behind the entry's header, as the engine's message has it.
std::optional<std::uint64_t> PlaceOfEntry(std::string_view message) {
  constexpr std::string_view kBefore = "Corrupt WAL file: entry at byte position ";
  const auto found = message.find(kBefore);
  if (found == std::string_view::npos) return std::nullopt;
  message.remove_prefix(found + kBefore.size());
  std::uint64_t place = 0;
  const auto read =
      std::from_chars(message.data(), message.data() + message.size(), place);
  if (read.ec != std::errc() || place < kEntryHeader) return std::nullopt;
  return place;
}

}  // namespace

Result<bool> CutDamagedWal(const std::filesystem::path& wal, const Error& error) {
  const std::string_view message = error.message();
  const auto place = PlaceOfEntry(message);
  if (!place || !message.contains('"' + wal.string() + '"')) return false;
  MR_TRY(auto file, File::OpenReadWrite(wal));
  MR_TRY(const auto size, file.Size());
  if (*place > size) return false;
  MR_CHECK_OK(file.Truncate(*place - kEntryHeader));
  MR_CHECK_OK(file.SyncData());
  return true;
}

}  // namespace millrace::warehouse
