#pragma once

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace millrace::app {

/// A directory that appears under its name only when it is whole: it is filled as
/// `<name>.partial`, and what a killed process left of that is thrown away by the next.
/// One thread.
class StagedDirectory {
 public:
  /// kConflict: `to` is there and not empty, or its `.partial` is something else;
  /// kFenced: another process fills it now; kNotFound: the directory it is to be in,
  /// which may be a disk that is not mounted (nothing is touched).
  static Result<StagedDirectory> Begin(std::filesystem::path to);
  StagedDirectory(StagedDirectory&&) = default;
  StagedDirectory& operator=(StagedDirectory&&) = delete;
  ~StagedDirectory();  ///< without Publish: nothing is left

  const std::filesystem::path& path() const { return partial_; }
  /// Files in it, relative and sorted, without the mark that says it is not whole yet.
  Result<std::vector<std::filesystem::path>> Files() const;
  /// Makes every name in it durable and gives it its own. Files must be durable.
  Status Publish();

 private:
  StagedDirectory(std::filesystem::path to, std::filesystem::path partial, File mark)
      : to_(std::move(to)), partial_(std::move(partial)), mark_(std::move(mark)) {}
  std::filesystem::path to_, partial_;
  File mark_;  ///< locked; not open any more: nothing is to be removed
};

/// Absolute, without dots and without a slash at its end.
std::filesystem::path PlainPath(const std::filesystem::path& path);

}  // namespace millrace::app
