#include "lake_views.hpp"

#include <algorithm>
#include <set>

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

bool IsPart(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with("part-") && name.ends_with(".parquet");
}

/// What is being written, see docs/formats/lake-file.md.
bool IsHidden(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with('_') || name.starts_with('.');
}

/// Folders below `root` that hold parts, by the name of their view.
std::map<std::string, fs::path> Folders(const fs::path& root) {
  std::map<std::string, fs::path> folders;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(root, options, error), end; it != end;
       it.increment(error)) {
    if (error) break;
    if (IsHidden(it->path())) it.disable_recursion_pending();
    if (!IsPart(it->path())) continue;
    const auto folder = it->path().parent_path();
    if (folder == root) continue;
    auto name = folder.lexically_relative(root).string();
    std::ranges::replace(name, '/', '_');
    folders.emplace(std::move(name), folder);
  }
  return folders;
}

std::string ReadParts(const fs::path& folder) {
  return "SELECT * FROM read_parquet(" +
         sql::QuoteText((folder / "part-*.parquet").string()) + ", union_by_name = true)";
}

std::string LakeName(const std::string& name) { return "lake." + sql::QuoteName(name); }

}  // namespace

Status LakeViews::Define(const std::string& text) {
  const std::scoped_lock definitions(database_.definitions);
  MR_TRY(auto transaction, Transaction::Begin(database_, *session_));
  MR_CHECK_OK(session_->Run(text));
  return transaction.Commit();
}

/// False: the disk is full.
Result<bool> LakeViews::DefineIfThereIsRoom(const std::string& text) {
  auto done = Define(text);
  if (done) return true;
  if (done.error().code() == ErrorCode::kResourceExhausted) return false;
  return Fail(std::move(done).error());
}

Status LakeViews::ReadStored() {
  MR_TRY(const auto names, session_->Query("SELECT view_name FROM duckdb_views() WHERE "
                                           "schema_name = 'lake' AND NOT internal"));
  for (std::size_t row = 0; row < names.rows(); ++row) {
    const std::string name(names.Text(0, row));
    // A view whose files are gone cannot be described; Refresh removes it.
    const auto described = session_->Prepare("SELECT * FROM " + LakeName(name));
    View view{fs::file_time_type::min(), {}, {}};
    if (described) view.columns = described->columns();
    views_.emplace(name, std::move(view));
  }
  return {};
}

Status LakeViews::RefreshOne(const std::string& name, const fs::path& folder) {
  std::error_code error;
  const auto changed = fs::last_write_time(folder, error);
  const auto known = views_.find(name);
  const bool defined = known != views_.end() && known->second.files.empty();
  if (defined && !error && known->second.changed == changed) return {};
  const auto files = ReadParts(folder);
  MR_TRY(const auto now, session_->Prepare(files));
  View view{changed, now.columns(), {}};
  if (!defined || known->second.columns != view.columns) {
    MR_TRY(const bool stored, DefineIfThereIsRoom("CREATE OR REPLACE VIEW " +
                                                  LakeName(name) + " AS " + files));
    if (!stored) view.files = files;
  }
  views_[name] = std::move(view);
  return {};
}

Status LakeViews::Remove(const std::string& name) {
  MR_CHECK_OK(Define("DROP VIEW IF EXISTS " + LakeName(name)));
  views_.erase(name);
  return {};
}

Status LakeViews::Refresh() {
  if (root_.empty()) return {};
  const std::scoped_lock lock(mutex_);
  if (!session_) {
    MR_TRY(session_, database_.engine->Connect());
    MR_CHECK_OK(ReadStored());
  }
  if (database_.read_only) return {};
  const auto folders = Folders(root_);
  for (const auto& [name, folder] : folders) {
    if (auto done = RefreshOne(name, folder); !done) {
      return Fail(std::move(done).error().During("lake table " + name));
    }
  }
  std::vector<std::string> gone;
  for (const auto& [name, view] : views_) {
    if (!folders.contains(name)) gone.push_back(name);
  }
  for (const auto& name : gone) MR_CHECK_OK(Remove(name));
  return {};
}

std::string LakeViews::Source(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = views_.find(name);
  if (found == views_.end() || found->second.files.empty()) return LakeName(name);
  return "(" + found->second.files + ")";
}

Status LakeViews::CheckStored(std::string_view select) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, view] : views_) {
    if (view.files.empty() || !select.contains(name)) continue;
    std::string text = "no room left for the view lake.";
    text += name;
    text += "; /api/tables/lake.";
    text += name;
    text += "/rows can be read without it";
    return Fail(ErrorCode::kResourceExhausted, std::move(text));
  }
  return {};
}

std::vector<TableInfo> LakeViews::Tables() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TableInfo> tables;
  for (const auto& [name, view] : views_) {
    TableInfo info;
    info.name = std::string(kLakePrefix) + name;
    info.columns = view.columns;
    const auto order =
        std::ranges::find(view.columns, kLakeOrder, &schema::TypedName::name);
    if (order != view.columns.end()) {
      info.key = kLakeOrder;
    }
    tables.push_back(std::move(info));
  }
  return tables;
}

}  // namespace millrace::warehouse
