#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "database.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// Lake tables are named "lake.<path with / as _>".
inline constexpr std::string_view kLakePrefix = "lake.";
/// Of the stream that the row's partition is fed by; other partitions have the same ones,
/// and files from before the sink wrote it have none.
inline constexpr std::string_view kLakeOrder = "_offset";
/// Columns of Files beside the table's own that tell every row from the others, for good:
/// the name of its file, and its place there.
inline constexpr std::string_view kLakeFile = "_mr_file", kLakeRow = "_mr_row";

/// Views in schema `lake`, one for each folder with part-*.parquet. Any thread.
class LakeViews {
 public:
  LakeViews(Database& database, std::filesystem::path root)
      : database_(database), root_(std::move(root)) {}
  /// Looks which folders there are and whether their columns changed. No room for a view,
  /// or to remove one, is no failure: the next call tries again, and Files reads the
  /// folder meanwhile. Nor is a folder with a file that cannot be read: it is logged,
  /// once. kUnavailable: the folders cannot be listed; all views stay.
  Status Refresh();
  /// The same for the lake table `name` alone. kNotFound, kUnavailable, and why it cannot
  /// be read.
  Result<TableInfo> Find(const std::string& name);
  /// Reads the files of the lake table `name`, which Find has found: a SELECT in
  /// brackets, with kLakeFile and kLakeRow.
  std::string Files(const std::string& name) const;
  /// kResourceExhausted when `select` names a lake table whose view found no room; why a
  /// lake table that it names cannot be read.
  Status CheckStored(std::string_view select) const;
  /// As of the last Refresh, in order of names.
  std::vector<TableInfo> Tables() const;

 private:
  struct View {
    std::filesystem::file_time_type changed;  ///< of the folder
    schema::Columns columns;
    std::string files = {};  ///< reads them; empty when the view in the database does
    std::optional<Error> unreadable = {};  ///< why
    std::filesystem::path folder = {};     ///< as Find saw it
    bool gone = false;  ///< its folder is, but there was no room to remove the view
  };
  static TableInfo InfoOf(const std::string& name, const View& view);
  Status Begin();
  Status ReadStored();
  Status RefreshOne(const std::string& name, const std::filesystem::path& folder);
  /// RefreshOne; why it failed is kept, and logged once.
  Status Update(const std::string& name, const std::filesystem::path& folder);
  Status Define(const std::string& text);
  Result<bool> DefineIfThereIsRoom(const std::string& text);
  Status Remove(const std::string& name);

  Database& database_;
  const std::filesystem::path root_;
  mutable std::mutex mutex_;
  std::unique_ptr<sql::Session> session_;
  std::map<std::string, View> views_;
};

}  // namespace millrace::warehouse
