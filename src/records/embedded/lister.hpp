#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "query/query.hpp"
#include "reader_pool.hpp"
#include "records/record_store.hpp"
#include "schema/collection.hpp"

namespace millrace::records {

/// RecordStore::List: a query as one SQL statement over the collection's table and the
/// indexes it declares. A page ends early when its documents become many megabytes.
class Lister {
 public:
  Lister(const std::vector<schema::Collection>& collections, ReaderPool& pool);

  Result<Page> List(const std::string& tenant, const std::string& collection,
                    const query::Query& query, Deadline deadline);

 private:
  struct Target {
    schema::Collection collection;
    schema::Columns columns;
  };
  Result<Statement> Prepare(Database& db, const Target& target, const std::string& tenant,
                            const query::Query& query) const;

  std::map<std::string, Target, std::less<>> targets_;
  ReaderPool& pool_;
};

}  // namespace millrace::records
