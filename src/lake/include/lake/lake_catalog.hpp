#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "sql/engine.hpp"

namespace millrace::lake {

struct LakeTable {
  std::string name;    ///< in schema `lake`: the folder with / as _
  std::string folder;  ///< of the store
  std::string owner;
  std::uint64_t files = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::optional<Offset> next_offset;  ///< of partition 0
  Version last_version;               ///< of partition 0

  /// CREATE OR REPLACE VIEW lake."name" over every file; columns that a file lacks are
  /// null. The view sees later files too.
  std::string view_sql;
};

/// The lake tables of a store. Remembers what it read: files never change. One thread;
/// store and session must outlive it, and the session must be able to read the store.
class LakeCatalog {
 public:
  LakeCatalog(objects::ObjectStore& store, sql::Session& session)
      : store_(store), session_(session) {}

  /// In order of names. A folder without lake files is none. Errors: kDataLoss (a
  /// damaged file, named), kUnavailable.
  Result<std::vector<LakeTable>> Tables();

 private:
  struct Known {
    std::map<std::string, std::uint64_t> rows;  ///< by file
    std::string owner;
    Offset next = 0;
    Version last;
  };
  Status ReadNew(const std::string& folder,
                 const std::vector<objects::ObjectInfo>& files);

  objects::ObjectStore& store_;
  sql::Session& session_;
  std::map<std::string, Known> known_;
};

}  // namespace millrace::lake
