#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "query/query.hpp"
#include "query/sql.hpp"
#include "reader_pool.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"

namespace millrace::records {

/// Records by their versions: past `after`, up to `upto`, `max` at most.
struct VersionRange {
  Version after, upto;
  std::uint32_t max;
};

/// RecordStore::List and ListVersions: a query as one SQL statement over the collection's
/// table and the indexes it declares. A page ends early when its documents become many
/// megabytes.
class Lister {
 public:
  Lister(const std::vector<schema::Collection>& collections, ReaderPool& pool);

  Result<Page> List(const std::string& tenant, const std::string& collection,
                    const query::Query& query, Deadline deadline);
  Result<std::vector<KeyVersion>> ListVersions(const std::string& tenant,
                                               const std::string& collection,
                                               const query::Query& query,
                                               const VersionRange& range,
                                               Deadline deadline);

 private:
  struct Target {
    schema::Collection collection;
    schema::Columns columns;
  };
  static query::SqlText ToSql(const Target& target, const query::Query& query);
  Result<const Target*> Find(const std::string& collection) const;
  Result<Statement> Prepare(Database& db, const Target& target, const std::string& tenant,
                            const query::Query& query) const;
  Result<Statement> PrepareVersions(Database& db, const Target& target,
                                    const std::string& tenant, const query::Query& query,
                                    const VersionRange& range) const;

  std::map<std::string, Target, std::less<>> targets_;
  ReaderPool& pool_;
};

}  // namespace millrace::records
