#include "compact_source.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "lake_file.hpp"

namespace millrace::lake {
namespace {

constexpr std::size_t kFilesAtOnce = 500;

/// Names of lake files, for each partition the newest last; the start file first.
using Names = std::map<std::string, std::vector<std::string>>;

Result<Names> List(objects::ObjectStore& store, const std::string& folder) {
  MR_TRY(const auto objects, store.List(folder));
  const std::size_t size = NamePrefix(0).size();
  Names names;
  for (const auto& object : objects) {
    if (!IsLakeFile(object.name) || object.name.size() <= size) continue;
    auto& partition = names[object.name.substr(0, size)];
    const bool start = object.name[size] == 's';
    partition.insert(start ? partition.begin() : partition.end(), object.name);
  }
  return names;
}

/// A listing that is made while files appear may have a file and lack an older one. The
/// second has whatever is older than a file of the first.
Result<Names> ListAtOneMoment(objects::ObjectStore& store, const std::string& folder) {
  MR_TRY(const auto first, List(store, folder));
  MR_TRY(auto second, List(store, folder));
  std::erase_if(second, [&](const auto& item) { return !first.contains(item.first); });
  for (auto& [prefix, names] : second) {
    const auto end = std::ranges::find(names, first.at(prefix).back());
    if (end != names.end()) names.erase(end + 1, names.end());
  }
  return second;
}

/// The names of a partition that are to be read: what is new, and the file before.
std::vector<std::string> NamesPast(const std::vector<std::string>& names,
                                   std::uint32_t partition, Offset consumed) {
  const bool start = names.front() == StartName(partition);
  const auto parts = names.begin() + (start ? 1 : 0);
  auto first_new = std::lower_bound(parts, names.end(), FileName(partition, consumed));
  if (first_new != names.begin()) --first_new;
  return {first_new, names.end()};
}

class SourceReader {
 public:
  SourceReader(objects::ObjectStore& store, sql::Session& session,
               const std::string& folder, CompactSource& source)
      : store_(store), session_(session), folder_(folder), source_(source) {}

  /// `names` with the file before what is new, if `consumed`.
  Status ReadPartition(const std::vector<std::string>& names, const Offset* consumed) {
    std::optional<LakeFile> before;
    for (std::size_t at = 0; at < names.size(); at += kFilesAtOnce) {
      const std::vector<std::string> some(
          names.begin() + static_cast<std::ptrdiff_t>(at),
          names.begin() +
              static_cast<std::ptrdiff_t>(std::min(at + kFilesAtOnce, names.size())));
      MR_TRY(auto files, ReadLakeFiles(store_, session_, folder_, some));
      for (auto& file : files) {
        MR_CHECK_OK(CheckOwner(file));
        if (before) MR_CHECK_OK(CheckFollows(*before, file));
        const bool begins = !before && consumed != nullptr;
        if (begins && file.next != *consumed && file.first != *consumed) {
          return OtherLake(file);
        }
        if (consumed == nullptr || file.next > *consumed) MR_CHECK_OK(Add(file));
        before = std::move(file);
      }
    }
    source_.next[before->partition] = before->next;
    return {};
  }

 private:
  Status CheckOwner(const LakeFile& file) {
    if (source_.owner.empty()) source_.owner = file.owner;
    if (file.owner == source_.owner) return {};
    return Fail(ErrorCode::kDataLoss, file.name + ": it belongs to " + file.owner +
                                          ", and files before it to " + source_.owner);
  }

  Status OtherLake(const LakeFile& file) const {
    return Fail(ErrorCode::kInvalidArgument,
                folder_ + ": the copy was not made from these files (" + file.name +
                    " ends at " + std::to_string(file.next) +
                    "); was the lake built anew? Make a new copy");
  }

  Status Add(const LakeFile& file) {
    MR_TRY(auto path, store_.ReadablePath(folder_, file.name));
    MR_CHECK_OK(AddColumns(path, file));
    if (file.rows == 0) return {};
    source_.files.push_back({std::move(path), file.partition, file.rows});
    source_.rows += file.rows;
    return {};
  }

  /// The first file of a partition that knows a column, or a type of it, has it. The
  /// first of another partition need not: it knows what any of the table's files has.
  Status AddColumns(const std::string& path, const LakeFile& file) {
    std::string known = std::to_string(file.partition) + "\n";
    for (const auto& [key, type] : file.metadata) {
      if (key.starts_with(kColumnPrefix)) known.append(key).append(type).append("\n");
    }
    if (!seen_.insert(std::move(known)).second) return {};
    MR_TRY(const auto statement,
           session_.Prepare("SELECT * FROM read_parquet(" + sql::QuoteText(path) +
                            ", hive_partitioning = false)"));
    for (const auto& column : statement.columns()) source_.columns.push_back(column);
    return {};
  }

  objects::ObjectStore& store_;
  sql::Session& session_;
  const std::string& folder_;
  CompactSource& source_;
  std::set<std::string> seen_;
};

}  // namespace

Result<CompactSource> ReadSource(objects::ObjectStore& store, sql::Session& session,
                                 const std::string& folder, const Consumed& consumed) {
  MR_TRY(const auto partitions, ListAtOneMoment(store, folder));
  if (partitions.empty()) {
    return Fail(ErrorCode::kNotFound,
                folder + ": no lake table (no part-*.parquet of ours in it)");
  }
  for (const auto& [partition, next] : consumed) {
    if (partitions.contains(NamePrefix(partition))) continue;
    return Fail(ErrorCode::kInvalidArgument,
                folder + ": the copy was not made from these files (" +
                    NamePrefix(partition) + "* are gone); make a new copy");
  }
  CompactSource source;
  SourceReader reader(store, session, folder, source);
  for (const auto& [prefix, names] : partitions) {
    MR_TRY(const auto partition, PartitionOf(names.front()));
    const auto known = consumed.find(partition);
    const Offset* const upto = known == consumed.end() ? nullptr : &known->second;
    MR_CHECK_OK(reader.ReadPartition(
        upto == nullptr ? names : NamesPast(names, partition, *upto), upto));
  }
  return source;
}

}  // namespace millrace::lake
