#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "records/change_feed.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// Table `changes` on the writer's connection, inside its open transaction.
class ChangeTable {
 public:
  static Result<ChangeTable> Prepare(Database& db);
  /// False when SQLite failed.
  bool Insert(std::span<const Change> changes);
  bool DeleteUpTo(std::uint64_t seq);

 private:
  static void Bind(Statement& statement, int first, const Change& change);

  Statement insert_;
  Statement insert_many_;
  Statement delete_;
};

/// Reads committed changes from the file, for a reader that is behind the tail in memory.
class ChangeReader {
 public:
  static Result<ChangeReader> Prepare(Database& db);
  /// Changes after seq `after` up to `end`, at most max_rows, at least one if there is
  /// any, and no more once max_bytes are reached.
  Result<ChangeBatch> Read(std::uint64_t after, std::uint64_t end, std::uint32_t max_rows,
                           std::uint64_t max_bytes);

 private:
  Statement select_;
};

/// Collects changes and their texts, whose addresses are known only once all are there.
class ChangeCollector {
 public:
  /// What to go back to when the request that follows fails.
  struct Mark {
    std::size_t changes = 0;
    std::size_t bytes = 0;
  };

  /// Copies what `change` looks at.
  void Add(const Change& change);
  Mark mark() const { return {changes_.size(), text_.size()}; }
  void BackTo(const Mark& mark);
  std::size_t bytes() const { return text_.size(); }
  bool empty() const { return changes_.empty(); }
  /// All so far, valid until the next Add.
  std::span<const Change> View();
  /// Hands all over and is empty again.
  ChangeBatch Take();

 private:
  std::string text_;  ///< tenant, collection, key, before, after of each change in turn
  std::vector<Change>
      changes_;  ///< of their views only the sizes count until View or Take
};

}  // namespace millrace::records
