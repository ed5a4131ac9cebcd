#include "lake_views.hpp"

#include <algorithm>
#include <set>

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

/// Without it the engine takes `env=prod` in a path for a column.
constexpr std::string_view kHivePartitioning = "hive_partitioning";

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
         sql::QuoteText((folder / "part-*.parquet").string()) +
         ", union_by_name = true, " + std::string(kHivePartitioning) + " = false)";
}

std::string LakeName(const std::string& name) { return "lake." + sql::QuoteName(name); }

/// Whether `select` has `.name` or `."name"`, as it stands: not how the engine reads it,
/// but good enough for a better reason.
bool Names(std::string_view select, std::string_view name) {
  const auto part_of_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  for (auto at = select.find(name); at != std::string_view::npos;
       at = select.find(name, at + 1)) {
    const auto before = select.substr(0, at);
    const auto after = select.substr(at + name.size());
    if (!before.ends_with('.') && !before.ends_with(".\"")) continue;
    if (after.empty() || !part_of_name(after.front())) return true;
  }
  return false;
}

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
  MR_TRY(const auto names,
         session_->Query("SELECT view_name, sql FROM duckdb_views() WHERE "
                         "schema_name = 'lake' AND NOT internal"));
  for (std::size_t row = 0; row < names.rows(); ++row) {
    const std::string name(names.Text(0, row));
    // A view whose files are gone cannot be described; Refresh removes it.
    const auto described = session_->Prepare("SELECT * FROM " + LakeName(name));
    View view{fs::file_time_type::min(), {}, {}, {}};
    // Without columns it is defined anew: one that reads as older versions did.
    const bool as_now = names.Text(1, row).contains(kHivePartitioning);
    if (described && (as_now || database_.read_only)) view.columns = described->columns();
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
  View view{changed, now.columns(), {}, {}};
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

Status LakeViews::Begin() {
  if (session_) return {};
  MR_TRY(session_, database_.engine->Connect());
  return ReadStored();
}

Status LakeViews::Update(const std::string& name, const fs::path& folder) {
  auto done = RefreshOne(name, folder);
  if (done) return {};
  auto why = std::move(done).error().During("lake table " + name);
  auto& view = views_.try_emplace(name).first->second;
  const bool told = view.unreadable && view.unreadable->ToString() == why.ToString();
  view.unreadable = why;
  if (!told && database_.logger != nullptr) {
    database_.logger->Warn("a lake table cannot be read", {{"error", why}});
  }
  return Fail(std::move(why));
}

Status LakeViews::Refresh() {
  if (root_.empty()) return {};
  const std::scoped_lock lock(mutex_);
  MR_CHECK_OK(Begin());
  if (database_.read_only) return {};
  const auto folders = Folders(root_);
  for (const auto& [name, folder] : folders) {
    // The others can be read nevertheless.
    static_cast<void>(Update(name, folder));
  }
  std::vector<std::string> gone;
  for (const auto& [name, view] : views_) {
    if (!folders.contains(name)) gone.push_back(name);
  }
  for (const auto& name : gone) MR_CHECK_OK(Remove(name));
  return {};
}

Result<TableInfo> LakeViews::Find(const std::string& name) {
  const auto none = [&] {
    return Fail(ErrorCode::kNotFound, "no table " + std::string(kLakePrefix) + name);
  };
  if (root_.empty()) return none();
  const std::scoped_lock lock(mutex_);
  MR_CHECK_OK(Begin());
  if (!database_.read_only) {
    const auto folders = Folders(root_);
    const auto folder = folders.find(name);
    if (folder == folders.end()) return none();
    MR_CHECK_OK(Update(name, folder->second));
  }
  const auto found = views_.find(name);
  if (found == views_.end()) return none();
  return InfoOf(name, found->second);
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
    if (!Names(select, name)) continue;
    if (view.unreadable) return Fail(*view.unreadable);
    if (view.files.empty()) continue;
    std::string text = "no room left for the view lake.";
    text += name;
    text += "; /api/tables/lake.";
    text += name;
    text += "/rows can be read without it";
    return Fail(ErrorCode::kResourceExhausted, std::move(text));
  }
  return {};
}

TableInfo LakeViews::InfoOf(const std::string& name, const View& view) {
  TableInfo info;
  info.name = std::string(kLakePrefix) + name;
  info.columns = view.columns;
  const auto order =
      std::ranges::find(view.columns, kLakeOrder, &schema::TypedName::name);
  if (order != view.columns.end()) info.key = kLakeOrder;
  return info;
}

std::vector<TableInfo> LakeViews::Tables() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TableInfo> tables;
  for (const auto& [name, view] : views_) tables.push_back(InfoOf(name, view));
  return tables;
}

}  // namespace millrace::warehouse
