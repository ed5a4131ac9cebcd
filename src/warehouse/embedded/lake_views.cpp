#include "lake_views.hpp"

#include <algorithm>
#include <set>

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

/// Without it the engine takes `env=prod` in a path for a column.
constexpr std::string_view kHivePartitioning = "hive_partitioning";
/// The engine's name for a row's place in its file.
constexpr std::string_view kPlaceInFile = "file_row_number";

bool IsPart(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with("part-") && name.ends_with(".parquet");
}

/// What is being written, see docs/formats/lake-file.md.
bool IsHidden(const fs::path& path) {
  const auto name = path.filename().string();
  return name.starts_with('_') || name.starts_with('.');
}

using FolderMap = std::map<std::string, fs::path>;

/// Folders below `root` that hold parts, by the name of their view. An `error` leaves out
/// some.
FolderMap ListFolders(const fs::path& root, std::error_code& error) {
  FolderMap folders;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(root, options, error), end;
       !error && it != end; it.increment(error)) {
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

Result<FolderMap> Folders(const fs::path& root) {
  constexpr int kTries = 10;
  std::error_code error;
  for (int i = 0; i < kTries; ++i) {
    auto folders = ListFolders(root, error);
    if (!error) return folders;
    if (error != std::errc::no_such_file_or_directory) break;
    std::error_code unknown;
    if (!fs::exists(root, unknown) && !unknown) return FolderMap();
    // One went while it was listed: so do those of a replay.
  }
  return Fail(ErrorCode::kUnavailable,
              "cannot list the lake " + root.string() + ": " + error.message());
}

/// Of read_parquet, all but the bracket at its end.
std::string PartsArguments(const fs::path& folder) {
  return sql::QuoteText((folder / "part-*.parquet").string()) +
         ", union_by_name = true, " + std::string(kHivePartitioning) + " = false";
}

std::string ReadParts(const fs::path& folder) {
  return "SELECT * FROM read_parquet(" + PartsArguments(folder) + ")";
}

std::string LakeName(const std::string& name) { return "lake." + sql::QuoteName(name); }

/// As SQL names columns: whatever the case of their letters.
bool HasColumn(const schema::Columns& columns, std::string_view lower) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  };
  return std::ranges::any_of(columns, [&](const schema::TypedName& column) {
    return std::ranges::equal(column.name, lower, same);
  });
}

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
    View view{fs::file_time_type::min(), {}};
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
  View view{changed, now.columns()};
  view.folder = folder;
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
  MR_TRY(const auto folders, Folders(root_));
  for (const auto& [name, folder] : folders) {
    // The others can be read nevertheless.
    static_cast<void>(Update(name, folder));
  }
  std::vector<std::string> gone;
  for (auto& [name, view] : views_) {
    view.gone = !folders.contains(name);
    if (view.gone) gone.push_back(name);
  }
  // What stays for now is in nobody's way.
  for (const auto& name : gone) static_cast<void>(Remove(name));
  return {};
}

Result<TableInfo> LakeViews::Find(const std::string& name) {
  const auto none = [&] {
    return Fail(ErrorCode::kNotFound, "no table " + std::string(kLakePrefix) + name);
  };
  if (root_.empty()) return none();
  const std::scoped_lock lock(mutex_);
  MR_CHECK_OK(Begin());
  MR_TRY(const auto folders, Folders(root_));
  const auto folder = folders.find(name);
  if (folder == folders.end()) return none();
  if (!database_.read_only) MR_CHECK_OK(Update(name, folder->second));
  const auto found = views_.find(name);
  if (found == views_.end()) return none();
  found->second.folder = folder->second;
  found->second.gone = false;
  return InfoOf(name, found->second);
}

std::string LakeViews::Files(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = views_.find(name);
  if (found == views_.end()) return LakeName(name);
  // A column of that name hides the engine's.
  const bool hidden = HasColumn(found->second.columns, kPlaceInFile);
  const std::string file(kLakeFile), row(kLakeRow);
  return "(SELECT * REPLACE (parse_filename(" + file + ") AS " + file + "), " +
         std::string(hidden ? "0::BIGINT" : kPlaceInFile) + " AS " + row +
         " FROM read_parquet(" + PartsArguments(found->second.folder) +
         ", filename = " + sql::QuoteText(file) + "))";
}

Status LakeViews::CheckStored(std::string_view select) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, view] : views_) {
    if (!Names(select, name)) continue;
    if (view.gone) continue;
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
  for (const auto& [name, view] : views_) {
    if (!view.gone) tables.push_back(InfoOf(name, view));
  }
  return tables;
}

}  // namespace millrace::warehouse
