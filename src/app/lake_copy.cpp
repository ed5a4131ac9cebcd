#include "lake_copy.hpp"

#include <map>
#include <set>
#include <string>

#include "base/file.hpp"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCommits = "_commits";

/// Folder → names of its files.
using Listing = std::map<fs::path, std::set<std::string>>;

Result<Listing> List(const fs::path& lake) {
  Listing listing;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(lake, failed), end; !failed && at != end;
       at.increment(failed)) {
    const auto name = at->path().filename().string();
    std::error_code gone;
    if (at->is_directory(gone)) {
      const bool hidden = name.starts_with('_') || name.starts_with('.');
      if (hidden && name != kCommits) at.disable_recursion_pending();
      continue;
    }
    const bool hidden = name.starts_with('_') || name.starts_with('.');
    if (!hidden && at->is_regular_file(gone)) {
      listing[at->path().parent_path()].insert(name);
    }
  }
  // A folder may go while we look: the staging of a sink that begins.
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return Fail(SystemError("list", lake, failed.value()));
  }
  return listing;
}

/// Whether the names of files in `folder` are commits: a table has them in `_commits`, or
/// else in the folder itself.
bool HoldsCommits(const Listing& listing, const fs::path& folder, const fs::path& lake) {
  if (folder.filename() == kCommits) return true;
  for (auto at = folder; at != lake && at.has_relative_path(); at = at.parent_path()) {
    if (listing.contains(at / kCommits)) return false;
  }
  return true;
}

/// "part-0000-<offset>.parquet" and "0000-<offset>.json" follow those of lower offset and
/// the same beginning; "part-0000-start.parquet" is before all.
bool IsStart(std::string_view name) { return name.contains("-start."); }
std::string Beginning(const std::string& name) { return name.substr(0, name.rfind('-')); }

/// Beginning → the last commit of it.
std::map<std::string, std::string> LastCommits(const std::set<std::string>& names) {
  std::map<std::string, std::string> last;
  for (const auto& name : names) {
    if (!IsStart(name)) last[Beginning(name)] = name;
  }
  return last;
}

/// Of a folder's names those that are not newer than what `first` saw there.
std::set<std::string> UpTo(const Listing& first, const fs::path& folder,
                           std::set<std::string> names) {
  const auto known = first.find(folder);
  if (known == first.end()) return {};  // began just now
  const auto last = LastCommits(known->second);
  std::erase_if(names, [&](const std::string& name) {
    if (IsStart(name)) return !known->second.contains(name) && last.empty();
    const auto limit = last.find(Beginning(name));
    return limit == last.end() || name > limit->second;
  });
  return names;
}

}  // namespace

Status CopyLake(const fs::path& lake, const fs::path& to, const CopyProgress& progress) {
  MR_CHECK_OK(MakeDirs(to));
  std::error_code absent;
  if (!fs::exists(lake, absent)) return {};
  // A listing that is made while files appear may have a file and lack an older one. The
  // second has whatever is older than a file of the first.
  MR_TRY(const auto first, List(lake));
  MR_TRY(const auto second, List(lake));
  for (const auto& [folder, names] : second) {
    const auto taken =
        HoldsCommits(second, folder, lake) ? UpTo(first, folder, names) : names;
    if (taken.empty()) continue;
    const auto target = to / folder.lexically_relative(lake);
    MR_CHECK_OK(MakeDirs(target));
    for (const auto& name : taken) {
      std::error_code failed;
      const auto bytes = fs::file_size(folder / name, failed);
      if (failed) return Fail(SystemError("stat", folder / name, failed.value()));
      MR_CHECK_OK(CopyUpTo(folder / name, target / name, bytes, progress));
    }
  }
  return {};
}

}  // namespace millrace::app
