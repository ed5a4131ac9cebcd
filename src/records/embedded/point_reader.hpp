#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// One record by its key: a connection with a prepared statement a collection. Any
/// thread; calls take turns, each is a few microseconds.
class PointReader {
 public:
  static Result<std::unique_ptr<PointReader>> Open(
      const std::filesystem::path& file,
      const std::vector<schema::Collection>& collections);

  Result<Stored> Get(const std::string& tenant, const std::string& collection,
                     const std::string& key);

 private:
  struct Target {
    Statement select;
    bool integer_key = false;
  };
  std::mutex mutex_;
  Database db_;
  std::map<std::string, Target, std::less<>> targets_;
};

}  // namespace millrace::records
