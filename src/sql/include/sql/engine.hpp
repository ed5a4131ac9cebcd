#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"

namespace millrace::sql {

struct EngineOptions {
  std::filesystem::path database;  ///< empty: in memory
  bool read_only = false;
  std::uint64_t memory_limit = 256u
                               << 20u;   ///< bytes; beyond it spills to temp_directory
  std::filesystem::path temp_directory;  ///< empty: no spilling
  /// The engine checkpoints by itself when its write-ahead log is this long, and writers
  /// wait meanwhile; an owner that calls Checkpoint at better moments sets it far beyond.
  std::uint64_t checkpoint_wal = 16u << 20u;  ///< bytes
  /// The only folders that SQL can read or write, beside the database's own two files;
  /// empty: none. All else (network, extensions, getenv, configuration) is locked.
  std::vector<std::filesystem::path> directories;
};

class Session;

/// The embedded SQL engine (DuckDB): one database, many sessions. Any thread; a statement
/// runs in its caller's. Errors of
/// SQL are kInvalidArgument with the engine's text; out of memory or disk full is
/// kResourceExhausted; interrupted or past the deadline kDeadlineExceeded; damage of the
/// file kDataLoss.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options);
  ~Engine();
  Result<std::unique_ptr<Session>> Connect();
  /// Makes everything committed durable in the main file.
  Status Checkpoint();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A prepared statement; belongs to its session and its thread.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();
  const schema::Columns& columns() const;  ///< of the result
  /// `literals`: canonical JSON literals for `?`, bound as text/number/null; cast in SQL.
  Result<Batch> Execute(const std::vector<std::string>& literals = {});

  struct Impl;
  explicit Statement(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// One connection. Used by one thread at a time; Interrupt from any.
class Session {
 public:
  ~Session();
  /// One or more statements without a result.
  Status Run(const std::string& text);
  Result<Batch> Query(const std::string& text,
                      const std::vector<std::string>& literals = {});
  Result<Statement> Prepare(const std::string& text);
  /// Runs a single SELECT (also EXPLAIN, DESCRIBE, SHOW, SUMMARIZE; everything else is
  /// kInvalidArgument) and hands the result over in blocks while it is computed, so that
  /// memory stays bounded; `each` returns false to stop. All of it is of one moment. Not
  /// within a transaction of the session.
  Status Stream(const std::string& select, Deadline deadline,
                const std::function<bool(const Batch& block)>& each);
  /// Makes `name` a table of this session (temporary) whose rows are those of the batch
  /// set last with SetRelation (none at first): no copy, no transaction.
  Status AddRelation(const std::string& name, const schema::Columns& columns);
  /// `batch` must outlive the statements that read it; nullptr: no rows.
  void SetRelation(const std::string& name, const Batch* batch);
  /// Appends all rows to a table with the same column types in the same order, within
  /// the transaction of the session if one is open. `schema` may be empty: a temporary
  /// table of the session, or else one of main.
  Status Append(const std::string& schema, const std::string& table, const Batch& batch);
  /// The statement's syntax tree as JSON (one SELECT), and back to text.
  Result<std::string> SerializeSql(const std::string& select);
  Result<std::string> DeserializeSql(const std::string& tree);
  void Interrupt();

  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// `"name"` with quotes doubled; `'text'` with quotes doubled.
std::string QuoteName(std::string_view name);
std::string QuoteText(std::string_view text);

}  // namespace millrace::sql
