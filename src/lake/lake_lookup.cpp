#include "lake/lake_lookup.hpp"

#include <algorithm>
#include <vector>

#include "lake_file.hpp"

namespace millrace::lake {
namespace {

Result<std::optional<std::uint64_t>> CountRows(sql::Session& session,
                                               const std::string& file, Offset offset) {
  MR_TRY(const auto column,
         session.Query("SELECT count(*) FROM parquet_schema(" + sql::QuoteText(file) +
                       ") WHERE name = '_offset'"));
  if (column.Int64(0, 0) == 0) return std::nullopt;
  MR_TRY(const auto answer,
         session.Query(
             "SELECT count(*) FROM read_parquet(" + sql::QuoteText(file) +
             ", hive_partitioning = false) WHERE _offset = " + std::to_string(offset)));
  return static_cast<std::uint64_t>(answer.Int64(0, 0));
}

}  // namespace

Result<OffsetPlace> FindOffset(objects::ObjectStore& store, sql::Session& session,
                               const std::string& folder, std::uint32_t partition,
                               Offset offset) {
  const auto start = StartName(partition);
  MR_TRY(const auto objects, store.List(folder));
  std::vector<std::string> parts;
  bool begun = false;
  for (const auto& object : objects) {
    if (!IsLakeFile(object.name) || !object.name.starts_with(NamePrefix(partition))) {
      continue;
    }
    begun = true;
    if (object.name != start) parts.push_back(object.name);
  }
  if (!begun) return Fail(ErrorCode::kNotFound, "no lake table in " + folder);
  std::ranges::sort(parts);
  const auto above = std::ranges::upper_bound(parts, FileName(partition, offset));
  const auto name = above == parts.begin() ? start : *std::prev(above);
  OffsetPlace place;
  // Before the first file: below the table's begin, unless it has no rows at all yet.
  if (name == start && !parts.empty()) {
    place.where = OffsetPlace::Where::kBefore;
    return place;
  }
  MR_TRY(const auto files, ReadLakeFiles(store, session, folder, {name}));
  const auto& file = files.front();
  if (offset < file.first) place.where = OffsetPlace::Where::kBefore;
  if (offset < file.first || offset >= file.next) return place;
  place.where = OffsetPlace::Where::kInFile;
  MR_TRY(place.file, store.ReadablePath(folder, name));
  place.first = file.first;
  place.next = file.next;
  place.rows_of_file = file.rows;
  if (file.rows == 0) return place;
  MR_TRY(place.rows, CountRows(session, place.file, offset));
  return place;
}

Result<LakeExtent> ReadExtent(objects::ObjectStore& store, sql::Session& session,
                              const std::string& folder, std::uint32_t partition) {
  MR_TRY(const auto objects, store.List(folder));
  LakeExtent extent;
  std::vector<std::string> parts;
  for (const auto& object : objects) {
    if (!object.name.starts_with(NamePrefix(partition)) || !IsLakeFile(object.name)) {
      continue;
    }
    MR_TRY(extent.files.emplace_back(), store.ReadablePath(folder, object.name));
    // The start file first: its name comes after all numbers.
    const bool start = object.name == StartName(partition);
    parts.insert(start ? parts.begin() : parts.end(), object.name);
  }
  if (parts.empty()) return Fail(ErrorCode::kNotFound, "no lake table in " + folder);
  MR_TRY(const auto first, ReadLakeFiles(store, session, folder, {parts.front()}));
  MR_TRY(const auto last, ReadLakeFiles(store, session, folder, {parts.back()}));
  extent.begin = first.front().first;
  extent.next = last.front().next;
  return extent;
}

Result<std::string> FolderOf(objects::ObjectStore& store, const std::string& name) {
  MR_TRY(const auto folders, store.Folders());
  for (const auto& folder : folders) {
    auto table = folder;
    std::ranges::replace(table, '/', '_');
    if (table == name) return folder;
  }
  return Fail(ErrorCode::kNotFound, "no lake table " + name);
}

}  // namespace millrace::lake
