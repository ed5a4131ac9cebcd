#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace millrace::objects {

/// An immutable object in a folder.
struct ObjectInfo {
  std::string name;  ///< without the folder
  std::uint64_t bytes = 0;
};

/// Folders of immutable objects that appear whole or not at all. A folder is a relative
/// path such as "orders_history" or "a/b"; an object's name is one path segment. Names
/// that start with `.` or `_` are not objects: readers of a folder skip them.
/// Adapters: objects/embedded (files).
/// Any thread may call any method; calls block. A folder may have several writers, each
/// with names of its own that begin with its prefix.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Makes the folder ready for the writer of the names that begin with `prefix` (empty:
  /// of all): what a crashed one left staged of them is removed,
  /// and every object that List shows is durable once this returns (one that a killed
  /// process published may not be yet). Called by: lake, at start.
  /// Errors: kInvalidArgument (a bad folder), kResourceExhausted, kUnavailable.
  virtual Status Recover(const std::string& folder, const std::string& prefix) = 0;

  /// A local path at which the object can be written before it is published. Nothing is
  /// there yet. The same for the same name. Needs a Recover of the folder before.
  /// Errors: kInvalidArgument (a bad name).
  virtual Result<std::filesystem::path> StagingPath(const std::string& folder,
                                                    const std::string& name) = 0;

  /// Publishes what was staged under this name: durable, and visible to readers as a
  /// whole, on return; the staged file is gone then.
  /// Errors: kConflict (an object of that name exists; the staged file is left),
  /// kNotFound (nothing staged), kResourceExhausted and kUnavailable (nothing happened),
  /// kDeadlineExceeded (outcome unknown: it may be visible, and may not be durable;
  /// Recover decides).
  virtual Status PutIfAbsent(const std::string& folder, const std::string& name) = 0;

  /// Objects of the folder in order of their names, not those of folders in it. Empty if
  /// there is no such folder. Errors: kInvalidArgument, kUnavailable.
  virtual Result<std::vector<ObjectInfo>> List(const std::string& folder) = 0;

  /// A path or URL at which the SQL engine can read the object.
  /// Errors: kInvalidArgument.
  virtual Result<std::string> ReadablePath(const std::string& folder,
                                           const std::string& name) = 0;

  /// Every folder below the root that has objects, in order. Errors: kUnavailable.
  virtual Result<std::vector<std::string>> Folders() = 0;
};

/// Checks shared by adapters: relative, no empty segment, none that begins with `.` or
/// `_`, no backslash or control character, at most 512 bytes.
Status CheckFolder(const std::string& folder);
/// One such segment, at most 255 bytes.
Status CheckName(const std::string& name);

}  // namespace millrace::objects
