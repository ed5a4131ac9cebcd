#pragma once

#include <duckdb.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "relation.hpp"
#include "sql/engine.hpp"

namespace millrace::sql {

struct Engine::Impl {
  duckdb_database database = nullptr;
  std::uint64_t memory_limit = 0;        ///< bytes
  std::shared_ptr<Relations> relations;  ///< with the engine's catalog and the sessions

  Impl() = default;
  ~Impl() {
    if (database != nullptr) duckdb_close(&database);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

struct Session::Impl {
  struct Named {
    std::int64_t id = 0;
    std::shared_ptr<Relation> relation;  ///< with the plans bound to it
  };

  duckdb_connection connection = nullptr;
  idx_t id = 0;
  std::shared_ptr<Relations> relations;  ///< with the engine
  std::map<std::string, Named> named;

  Impl() = default;
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Replaces the relation of that name.
  Status Add(const std::string& name, std::shared_ptr<Relation> relation);
};

struct PreparedCloser {
  void operator()(_duckdb_prepared_statement* statement) const {
    duckdb_destroy_prepare(&statement);
  }
};
using Prepared = std::unique_ptr<_duckdb_prepared_statement, PreparedCloser>;

struct Statement::Impl {
  Prepared prepared;
  duckdb_statement_type kind = DUCKDB_STATEMENT_TYPE_INVALID;
  std::shared_ptr<const Layout> layout;  ///< with the batches it makes
};

enum class Rows : std::uint8_t {
  kAsTheyCome,
  kAllFirst,  ///< the first is given when the last is known; spilled like a sort
};

/// Prepares one statement whose columns can all be read; those that cannot as they are
/// are cast.
Result<std::unique_ptr<Statement::Impl>> PrepareReadable(duckdb_connection connection,
                                                         const std::string& text,
                                                         Rows rows = Rows::kAsTheyCome);
Status BindLiterals(duckdb_prepared_statement statement,
                    const std::vector<std::string>& literals);
/// Columns of a result.
Result<std::shared_ptr<const Layout>> LayoutOf(
    duckdb_result& result, const std::shared_ptr<const Layout>& expected);

}  // namespace millrace::sql
