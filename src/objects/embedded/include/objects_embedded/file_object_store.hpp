#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "objects/object_store.hpp"

namespace millrace::objects {

/// Objects as files below a root directory: `<root>/<folder>/<name>`, staged at
/// `<root>/<folder>/_staging/<name>`. Publishing is fsync, renameat2(RENAME_NOREPLACE),
/// fsync of the directories. Needs a file system that has that call.
class FileObjectStore final : public ObjectStore {
 public:
  explicit FileObjectStore(std::filesystem::path root) : root_(std::move(root)) {}

  Status Recover(const std::string& folder, const std::string& prefix) override;
  Result<std::filesystem::path> StagingPath(const std::string& folder,
                                            const std::string& name) override;
  Status PutIfAbsent(const std::string& folder, const std::string& name) override;
  Result<std::vector<ObjectInfo>> List(const std::string& folder) override;
  Result<std::string> ReadablePath(const std::string& folder,
                                   const std::string& name) override;
  Result<std::vector<std::string>> Folders() override;

 private:
  std::filesystem::path root_;
};

}  // namespace millrace::objects
