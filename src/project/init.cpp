#include "project/init.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
#include "examples.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

namespace fs = std::filesystem;

/// Nothing of the user's may be overwritten; a repository that was just made is empty.
Status CheckEmpty(const fs::path& directory) {
  std::error_code code;
  const auto status = fs::status(directory, code);
  if (!fs::exists(status)) return {};
  if (!fs::is_directory(status))
    return Fail(ErrorCode::kConflict, fmt::format("{} is a file", directory.string()));
  fs::directory_iterator it(directory, code);
  for (; !code && it != fs::directory_iterator(); it.increment(code))
    if (it->path().filename() != ".git")
      return Fail(
          ErrorCode::kConflict,
          fmt::format("{} is not empty (it has {}): a new project needs a new or empty "
                      "directory",
                      directory.string(), it->path().filename().string()));
  if (code) return Fail(SystemError("read", directory, code.value()));
  return {};
}

Result<std::vector<std::string>> WriteExample(const fs::path& directory,
                                              const std::string& prefix) {
  std::vector<std::string> written;
  for (const auto& file : ExampleFiles()) {
    if (!file.path.starts_with(prefix)) continue;
    std::string name(file.path.substr(prefix.size()));
    const auto path = directory / name;
    MR_CHECK_OK(MakeDirs(path.parent_path()));
    MR_CHECK_OK(WriteFileDurably(path, file.text));
    written.push_back(std::move(name));
  }
  return written;
}

/// What Init wrote: everything there, for it began empty but for .git.
void Remove(const fs::path& directory, bool was_there) {
  std::error_code ignored;
  if (!was_there) {
    fs::remove_all(directory, ignored);
    return;
  }
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (entry.path().filename() != ".git") left.push_back(entry.path());
  for (const auto& path : left) fs::remove_all(path, ignored);
}

}  // namespace

std::vector<std::string> ExampleNames() {
  std::vector<std::string> names;
  for (const auto& file : ExampleFiles()) {
    std::string name(file.path.substr(0, file.path.find('/')));
    if (file.path.ends_with("/millrace.yaml")) names.push_back(std::move(name));
  }
  std::ranges::sort(names);  // "orders-lake/" comes before "orders/"
  return names;
}

Status CheckExample(std::string_view example) {
  const auto names = ExampleNames();
  if (std::ranges::find(names, example) != names.end()) return {};
  const std::vector<std::string_view> views(names.begin(), names.end());
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no example {}{}; there are {}", example,
                          DidYouMean(example, views), Join(views)));
}

Result<std::vector<std::string>> Init(const fs::path& directory,
                                      std::string_view example) {
  MR_CHECK_OK(CheckExample(example));
  MR_CHECK_OK(CheckEmpty(directory));
  std::error_code code;
  const bool was_there = fs::exists(directory, code);
  auto written = WriteExample(directory, fmt::format("{}/", example));
  if (!written) Remove(directory, was_there);
  return written;
}

Result<fs::path> ExampleDirectory(std::string_view example) {
  std::error_code code;
  const auto binary = fs::read_symlink("/proc/self/exe", code);
  const auto installed =
      (binary.parent_path() / "../share/millrace/examples" / example).lexically_normal();
  if (!code && fs::is_directory(installed, code)) return installed;
  const auto source = fs::path(MR_EXAMPLES_DIRECTORY) / example;
  if (fs::is_directory(source, code)) return source;
  return Fail(ErrorCode::kNotFound,
              fmt::format("the data of the example {} are neither in {} nor in {}",
                          example, installed.string(), source.string()));
}

}  // namespace millrace::project
