#include "lake/lake_catalog.hpp"

#include <algorithm>

#include "lake_file.hpp"

namespace millrace::lake {
namespace {

std::string TableName(std::string folder) {
  std::ranges::replace(folder, '/', '_');
  return folder;
}

}  // namespace

Status LakeCatalog::ReadNew(const std::string& folder,
                            const std::vector<objects::ObjectInfo>& files) {
  auto& known = known_[folder];
  std::vector<std::string> fresh;
  for (const auto& file : files) {
    if (!known.rows.contains(file.name)) fresh.push_back(file.name);
  }
  MR_TRY(const auto read, ReadLakeFiles(store_, session_, folder, fresh));
  for (const auto& file : read) {
    known.rows[file.name] = file.rows;
    // Partitions other than the stream of changes add rows, but no position.
    if (known.owner.empty()) known.owner = file.owner;
    if (file.partition != 0 || file.next < known.next) continue;
    known.next = file.next;
    known.last = file.last_version;
    known.owner = file.owner;
  }
  return {};
}

Result<std::vector<LakeTable>> LakeCatalog::Tables() {
  std::vector<LakeTable> out;
  MR_TRY(const auto folders, store_.Folders());
  std::erase_if(known_, [&](const auto& entry) {
    return !std::ranges::binary_search(folders, entry.first);
  });
  for (const auto& folder : folders) {
    MR_TRY(auto files, store_.List(folder));
    std::erase_if(files, [](const auto& file) { return !IsLakeFile(file.name); });
    if (files.empty()) continue;
    MR_CHECK_OK(ReadNew(folder, files));
    const auto& known = known_[folder];
    LakeTable table{TableName(folder), folder,     known.owner, files.size(), 0, 0,
                    known.next,        known.last, ""};
    for (const auto& file : files) {
      table.rows += known.rows.at(file.name);
      table.bytes += file.bytes;
    }
    MR_TRY(const std::string pattern, store_.ReadablePath(folder, "part-*.parquet"));
    table.view_sql = "CREATE OR REPLACE VIEW lake." + sql::QuoteName(table.name) +
                     " AS SELECT * FROM read_parquet(" + sql::QuoteText(pattern) +
                     ", union_by_name = true, hive_partitioning = false)";
    out.push_back(std::move(table));
  }
  return out;
}

}  // namespace millrace::lake
