#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/file.hpp"
#include "eventlog/testing/log_driver.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"

namespace millrace::eventlog {

/// A directory of its own, removed at the end; in memory where there is such a place:
/// thousands of syncs are not what these tests are about.
class TempDir {
 public:
  TempDir() {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = access(memory.c_str(), W_OK) == 0
                          ? memory
                          : std::filesystem::temp_directory_path();
    auto name = (base / "mr_eventlog_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<EmbeddedEventLog> MustOpen(const EmbeddedOptions& options) {
  auto log = OpenEmbedded(options);
  if (!log) ADD_FAILURE() << log.error().ToString();
  return log ? std::move(*log) : nullptr;
}

/// What a crash leaves: the files of an open log as they are now, without its close.
inline void CopyAsCrashed(const std::filesystem::path& from,
                          const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

inline std::string Slurp(const std::filesystem::path& path) {
  return ReadFile(path, 1u << 30u).value();
}

inline void Spill(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);
  auto file = File::CreateNew(path).value();
  ASSERT_TRUE(file.WriteAt(0, content));
}

}  // namespace millrace::eventlog
