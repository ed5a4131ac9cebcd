#include "stream_path.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <system_error>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "eventlog/event_log.hpp"

namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoTenant = "_";
constexpr std::string_view kSegmentSuffix = ".log";
constexpr std::size_t kOffsetDigits = 20;
constexpr std::size_t kMaxDirectoryName = 255;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '_' || c == '.';
}

void AppendEscaped(std::string& out, char c) {
  out.push_back('%');
  AppendHex(out, static_cast<unsigned char>(c), 2);
}

/// A leading dot would hide the directory, or name its parent.
std::string Escape(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (IsPlain(c) && !(c == '.' && out.empty())) {
      out.push_back(c);
    } else {
      AppendEscaped(out, c);
    }
  }
  return out;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      if (!IsPlain(text.front())) return {};
      out.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    const auto code = ParseHex(text.substr(1, 2));
    if (text.size() < 3 || !code) return {};
    out.push_back(static_cast<char>(*code));
    text.remove_prefix(3);
  }
  return out;
}

std::string TenantDirectory(std::string_view tenant) {
  if (tenant.empty()) return std::string(kNoTenant);
  if (tenant == kNoTenant) return "%5f";
  return Escape(tenant);
}

std::optional<Offset> ParseSegmentName(std::string_view name) {
  if (!name.ends_with(kSegmentSuffix)) return {};
  name.remove_suffix(kSegmentSuffix.size());
  Offset first = 0;
  const auto [end, failed] =
      std::from_chars(name.data(), name.data() + name.size(), first);
  if (name.size() != kOffsetDigits || failed != std::errc{} ||
      end != name.data() + name.size()) {
    return {};
  }
  return first;
}

/// File names in `directory`; none when it is absent.
Result<std::vector<std::string>> ListNames(const fs::path& directory) {
  std::error_code failed;
  std::vector<std::string> names;
  fs::directory_iterator entry(directory, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    names.push_back(entry->path().filename().string());
  }
  if (failed && failed != std::errc::no_such_file_or_directory &&
      failed != std::errc::not_a_directory) {
    return Fail(SystemError("list", directory, failed.value()));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

Status CheckStream(const StreamId& stream) {
  if (stream.name.empty()) return Fail(ErrorCode::kInvalidArgument, "empty stream name");
  if (stream.name.size() > kMaxNameBytes || stream.tenant.size() > kMaxNameBytes ||
      Escape(stream.name).size() > kMaxDirectoryName ||
      TenantDirectory(stream.tenant).size() > kMaxDirectoryName) {
    return Fail(ErrorCode::kInvalidArgument,
                "name of a tenant or stream is over " + std::to_string(kMaxNameBytes) +
                    " bytes: " + stream.tenant + "/" + stream.name);
  }
  return {};
}

fs::path StreamDirectory(const fs::path& log, const StreamId& stream) {
  return log / TenantDirectory(stream.tenant) / Escape(stream.name);
}

fs::path SegmentPath(const fs::path& directory, Offset first) {
  char name[kOffsetDigits + kSegmentSuffix.size() + 1];
  std::snprintf(name, sizeof name, "%020llu.log", static_cast<unsigned long long>(first));
  return directory / name;
}

Result<std::vector<StreamId>> ListStreams(const fs::path& log) {
  std::vector<StreamId> streams;
  MR_TRY(const auto tenants, ListNames(log));
  for (const auto& directory : tenants) {
    auto tenant = directory == kNoTenant ? std::string() : Unescape(directory);
    if (!tenant) continue;
    MR_TRY(const auto names, ListNames(log / directory));
    for (const auto& escaped : names) {
      auto name = Unescape(escaped);
      if (name && !name->empty()) streams.push_back({*tenant, std::move(*name)});
    }
  }
  std::ranges::sort(streams);
  return streams;
}

Result<std::vector<Offset>> ListSegments(const fs::path& directory) {
  MR_TRY(const auto names, ListNames(directory));
  std::vector<Offset> firsts;
  for (const auto& name : names) {
    if (const auto first = ParseSegmentName(name)) firsts.push_back(*first);
  }
  return firsts;
}

Status RemoveTemporaries(const fs::path& directory) {
  MR_TRY(const auto names, ListNames(directory));
  for (const auto& name : names) {
    if (!name.ends_with(kTemporarySuffix)) continue;
    std::error_code failed;
    fs::remove(directory / name, failed);
    if (failed) return Fail(SystemError("remove", directory / name, failed.value()));
  }
  return {};
}

}  // namespace millrace::eventlog
