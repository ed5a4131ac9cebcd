#pragma once

#include <duckdb.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "base/result.hpp"
#include "batch_impl.hpp"

namespace millrace::sql {

/// A table whose rows are batches of ours: what `SELECT * FROM mr_relation(id)` scans, in
/// order, by one thread. `batch` and `next` change only while no statement runs.
struct Relation {
  std::shared_ptr<const Layout> layout;  ///< with the sessions' columns
  idx_t connection = 0;                  ///< only this one may scan it
  idx_t rows_guess = 2048;               ///< for plans: rows of the last batch
  /// All rows, or null for none …
  const Batch* batch = nullptr;
  /// … unless this is set: gives batch after batch, null at the end. A batch must live
  /// until the next call. May wait.
  std::function<Result<const Batch*>()> next;
};

/// The relations of one engine. A relation belongs to its session and to the plans bound
/// to it, whichever lives longer.
class Relations {
 public:
  /// Gives the id.
  std::int64_t Add(std::shared_ptr<Relation> relation);
  void Remove(std::int64_t id);
  std::shared_ptr<Relation> Find(std::int64_t id);

  /// Makes `mr_relation(BIGINT)` known; the registry then lives as long as the database.
  static Status Register(duckdb_connection connection,
                         const std::shared_ptr<Relations>& relations);

 private:
  std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<Relation>> relations_;
  std::int64_t last_ = 0;
};

}  // namespace millrace::sql
