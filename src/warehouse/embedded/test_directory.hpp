#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace millrace::warehouse {

/// A folder of its own for one test, removed at its end.
class TestDirectory {
 public:
  TestDirectory() {
    auto name = (std::filesystem::temp_directory_path() / "mr_warehouse_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace millrace::warehouse
