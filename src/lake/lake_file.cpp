#include "lake_file.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace millrace::lake {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::string_view kPrefix = "part-";
constexpr std::string_view kSuffix = ".parquet";

std::string Digits(std::uint64_t number, std::size_t width) {
  const std::string text = std::to_string(number);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

Result<std::uint64_t> Number(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  std::uint64_t number = 0;
  if (found != metadata.end()) {
    const std::string& text = found->second;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return number;
  }
  return Fail(ErrorCode::kDataLoss, std::string("no number under ") + key);
}

Result<LakeFile> Parse(const std::string& name, Metadata metadata) {
  const auto format = metadata.find(kFormatKey);
  if (format == metadata.end() || format->second != kFormat) {
    return Fail(ErrorCode::kDataLoss, "not a lake file of format 1");
  }
  LakeFile file;
  file.name = name;
  MR_TRY(file.first, Number(metadata, kFirstOffsetKey));
  MR_TRY(file.next, Number(metadata, kNextOffsetKey));
  MR_TRY(file.rows, Number(metadata, kRowsKey));
  auto version = Version::Parse(metadata[kLastVersionKey]);
  if (!version) return Fail(ErrorCode::kDataLoss, version.error().message());
  file.last_version = *version;
  MR_TRY(file.partition, PartitionOf(name));
  const bool start = name == StartName(file.partition) && file.next == file.first;
  const bool part =
      name == FileName(file.partition, file.first) && file.next > file.first;
  if (!start && !part) {
    return Fail(ErrorCode::kDataLoss, "its offsets are not those of its name");
  }
  file.owner = metadata[kOwnerKey];
  file.writer = metadata[kWriterKey];
  file.metadata = std::move(metadata);
  return file;
}

/// Metadata by path.
Result<std::map<std::string, Metadata>> ReadAll(sql::Session& session,
                                                const std::vector<std::string>& paths) {
  std::string list;
  for (const auto& path : paths)
    list += (list.empty() ? "" : ", ") + sql::QuoteText(path);
  MR_TRY(const sql::Batch answer,
         session.Query("SELECT file_name, key, value FROM parquet_kv_metadata([" + list +
                       "])"));
  std::map<std::string, Metadata> out;
  for (std::size_t row = 0; row < answer.rows(); ++row) {
    out[std::string(answer.Text(0, row))].emplace(answer.Text(1, row),
                                                  answer.Text(2, row));
  }
  return out;
}

/// After several files could not be read at once: which one?
Error NameTheDamaged(sql::Session& session, const std::vector<std::string>& paths,
                     Error error) {
  for (const auto& path : paths) {
    auto one = ReadAll(session, {path});
    if (!one) return std::move(one).error().During(path);
  }
  return error;
}

}  // namespace

std::string NamePrefix(std::uint32_t partition) {
  return std::string(kPrefix) + Digits(partition, 4) + "-";
}

std::string FileName(std::uint32_t partition, Offset first) {
  return NamePrefix(partition) + Digits(first, 20) + std::string(kSuffix);
}

std::string StartName(std::uint32_t partition) {
  return NamePrefix(partition) + "start" + std::string(kSuffix);
}

bool IsLakeFile(std::string_view name) {
  return name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

Result<std::uint32_t> PartitionOf(std::string_view name) {
  std::uint32_t partition = 0;
  if (name.starts_with(kPrefix)) {
    const char* const begin = name.data() + kPrefix.size();
    const auto read = std::from_chars(begin, name.data() + name.size(), partition);
    if (read.ec == std::errc()) return partition;
  }
  return Fail(ErrorCode::kDataLoss, "its name says no partition");
}

Status CheckFollows(const LakeFile& before, const LakeFile& file) {
  if (file.first == before.next) return {};
  return Fail(ErrorCode::kDataLoss,
              file.name +
                  (file.first > before.next ? ": offsets before it are missing"
                                            : ": its offsets overlap") +
                  " (" + before.name + " ends at " + std::to_string(before.next) + ")");
}

Result<std::vector<LakeFile>> ReadLakeFiles(objects::ObjectStore& store,
                                            sql::Session& session,
                                            const std::string& folder,
                                            const std::vector<std::string>& names) {
  std::vector<LakeFile> out;
  if (names.empty()) return out;
  std::vector<std::string> paths;
  for (const auto& name : names) {
    MR_TRY(paths.emplace_back(), store.ReadablePath(folder, name));
  }
  auto all = ReadAll(session, paths);
  if (!all) return Fail(NameTheDamaged(session, paths, std::move(all).error()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto file = Parse(names[i], std::move((*all)[paths[i]]));
    if (!file) return Fail(std::move(file).error().During(paths[i]));
    out.push_back(std::move(*file));
  }
  std::ranges::sort(out, {}, [](const LakeFile& f) {
    return std::tuple(f.partition, f.first, f.next);
  });
  return out;
}

}  // namespace millrace::lake
