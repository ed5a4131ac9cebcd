#include "backup_manifest.hpp"

#include <charconv>

#include "base/bytes.hpp"

namespace millrace::app {
namespace {

constexpr std::string_view kFormat = "millrace-backup ";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kHashDigits = 16;

Error Damaged(const std::string& what) {
  return Error(ErrorCode::kDataLoss, "the backup's MANIFEST is damaged: " + what);
}

/// Takes the text up to `separator`, and it, away from `text`.
std::string_view Take(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

Result<std::uint64_t> Number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc() && end == text.data() + text.size()) return value;
  return Fail(Damaged("no number: " + Excerpt(text)));
}

/// "<hash> <bytes> <path>"
Result<BackupManifest::Entry> ParseEntry(std::string_view line) {
  BackupManifest::Entry entry;
  MR_TRY(entry.sum.xxh3, ParseHex(Take(line, ' ')));
  MR_TRY(entry.sum.bytes, Number(Take(line, ' ')));
  entry.path = line;
  // What it names is written by restore: never outside of its directory.
  const auto plain = entry.path.lexically_normal();
  if (line.empty() || plain != entry.path || plain.is_absolute() || plain == "." ||
      *plain.begin() == "..") {
    return Fail(Damaged("a file is named " + Excerpt(line)));
  }
  return entry;
}

/// Everything is whole when the last line has the sum of all before it.
Result<std::string_view> CheckEnd(std::string_view text) {
  const auto at = text.rfind("\nend ");
  if (at == std::string_view::npos || !text.ends_with('\n')) {
    return Fail(Damaged("its end is missing"));
  }
  const auto body = text.substr(0, at + 1);
  auto end = text.substr(at + 5);
  MR_TRY(const auto sum, ParseHex(Take(end, '\n')));
  if (sum != Hash64(body) || !end.empty()) return Fail(Damaged("its checksum differs"));
  return body;
}

}  // namespace

std::uint64_t BackupManifest::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.sum.bytes;
  return sum;
}

std::string ToText(const BackupManifest& manifest) {
  std::string text(kFormat);
  text += kVersion;
  text += "\nmade_by " + manifest.made_by + "\nmade_at " + manifest.made_at + "\n";
  for (const auto& file : manifest.files) {
    text += "file ";
    AppendHex(text, file.sum.xxh3, kHashDigits);
    text += " " + std::to_string(file.sum.bytes) + " " + file.path.string() + "\n";
  }
  const auto sum = Hash64(text);
  text += "end ";
  AppendHex(text, sum, kHashDigits);
  return text += "\n";
}

Result<BackupManifest> ParseManifest(std::string_view text) {
  auto first = text;
  auto line = Take(first, '\n');
  if (!line.starts_with(kFormat)) return Fail(Damaged("it is no manifest"));
  if (line.substr(kFormat.size()) != kVersion) {
    return Fail(ErrorCode::kConflict,
                "the backup has format " + Excerpt(line.substr(kFormat.size())) +
                    ", this program reads " + std::string(kVersion));
  }
  MR_TRY(auto body, CheckEnd(text));
  BackupManifest manifest;
  Take(body, '\n');
  while (!body.empty()) {
    line = Take(body, '\n');
    const auto word = Take(line, ' ');
    if (word == "made_by") manifest.made_by = line;
    if (word == "made_at") manifest.made_at = line;
    if (word != "file") continue;
    MR_TRY(auto entry, ParseEntry(line));
    manifest.files.push_back(std::move(entry));
  }
  return manifest;
}

}  // namespace millrace::app
