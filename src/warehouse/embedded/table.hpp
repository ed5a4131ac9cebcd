#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "database.hpp"
#include "key_filter.hpp"
#include "sort_sql.hpp"
#include "warehouse/warehouse.hpp"

namespace millrace::warehouse {

/// When a table is merged.
struct MergeRule {
  double ratio = 0.25;
  std::uint64_t min_rows = 200'000;
  std::uint64_t max_rows = 500'000;    ///< so many are enough, however large the base is
  std::uint64_t slice_rows = 250'000;  ///< merged in one transaction
  /// Rows out of the base's order that are not worth writing it anew.
  std::uint64_t unsorted_rows = 100'000;
  std::uint64_t checkpoint_wal = 32u << 20u;  ///< bytes; at twice that, within a merge
  std::uint64_t filter_rows = 500'000;        ///< a base of so many is worth a KeyFilter
};

/// Told the name of each step of a merge; may be empty.
using MergeObserver = std::function<void(std::string_view step)>;

/// One table: what is known of it in memory, its writer and its merge. Any thread. Lock
/// order: merging_, writing_, Database::definitions, state_.
class Table {
 public:
  /// A table that the catalog has; counts its rows.
  static Result<std::shared_ptr<Table>> Load(Database& database, sql::Session& session,
                                             StoredTable stored);
  /// Creates it in the database.
  static Result<std::shared_ptr<Table>> Create(Database& database, sql::Session& session,
                                               const TableSpec& spec);

  /// Makes the spec's columns those of the writer; adds the new ones. As OpenTable.
  Result<std::optional<TablePosition>> Open(sql::Session& session, const TableSpec& spec);
  Status Start(sql::Session& session, const TablePosition& first);
  Status Apply(const sql::Batch& rows, const sql::Batch& tombstones, Offset expected,
               const TablePosition& to);
  Status Drop(sql::Session& session);
  /// Takes `name`, which `old` has, if there is one: that is dropped in the same
  /// transaction. `publish` makes that known before `old` says that it is gone. A merge
  /// under way is left for later, with nothing lost.
  /// Nobody writes until the next Open.
  Status TakePlace(sql::Session& session, const std::string& name, Table* old,
                   const std::function<void()>& publish);
  Result<std::vector<bool>> Superseded(const std::vector<KeyVersion>& states);

  bool MergeIsDue(const MergeRule& rule) const;
  /// Freezes the delta unless one is frozen already, and brings it into the base. On
  /// failure the next call goes on; it is due again when as many rows as `rule` wants at
  /// least have come.
  Status Merge(sql::Session& session, const MergeRule& rule,
               const MergeObserver& observer);

  /// Makes `keys` where the base is worth it and there are none. Between merges, by who
  /// merges.
  Status FilterKeys(sql::Session& session, const MergeRule& rule,
                    const MergeObserver& observer);
  /// Of the base; null: unknown. A read that used them counts if they are still these
  /// after it: a merge may have brought rows into the base meanwhile.
  std::shared_ptr<const KeyFilter> keys() const;

  /// kNotFound when the table is dropped.
  Result<bool> WaitFor(const Version& version, Deadline deadline);
  TableInfo Info() const;
  TableShape shape() const;
  /// It has no parts any more: it was dropped, or another has its name.
  bool dropped() const;
  /// Whether the shape's parts are still the table's. Waits for a change under way: the
  /// engine knows of it before shape() does.
  bool HasParts(const TableShape& shape) const;

 private:
  struct Counts {
    std::uint64_t base = 0, frozen = 0, delta = 0;
    std::uint64_t base_places = 0;  ///< of the base's rows and of those deleted since
    SortedBase sorted;              ///< its first places
  };
  /// The statements of Apply, for one delta and one set of columns.
  struct Writer {
    std::unique_ptr<sql::Session> session;
    std::optional<sql::Statement> rows, tombstones, position;
  };

  Table(Database& database, StoredTable stored, Counts counts)
      : database_(database), stored_(std::move(stored)), counts_(std::move(counts)) {}
  StoredTable stored() const;
  /// With the order of the base.
  TableShape ShapeToMerge() const;
  static Status DropStored(sql::Session& session, const TableShape& shape);
  void SetDropped();
  struct ColumnChanges {
    schema::Columns added, widened;
  };
  Result<ColumnChanges> FindChanges(const TableSpec& spec) const;
  Status ChangeColumns(sql::Session& session, const ColumnChanges& changes);
  Status PrepareWriter();
  Status Write(const sql::Batch& rows, const sql::Batch& tombstones, Offset expected,
               const TablePosition& to);
  Status Append(const sql::Batch& rows, const sql::Batch& tombstones);
  /// Ends a merge that is under way soon, and lets none begin until it is destroyed.
  class MergeHold {
   public:
    explicit MergeHold(Table& table);
    ~MergeHold();
    MergeHold(const MergeHold&) = delete;
    MergeHold& operator=(const MergeHold&) = delete;

   private:
    Table& table_;
  };
  /// False: merges are held.
  bool BeginMerge(sql::Session& session);
  /// kUnavailable: merges are held.
  Status GoOnMerging() const;
  Status Freeze(sql::Session& session);
  std::uint64_t FrozenRows() const;
  Status MergeFrozen(sql::Session& session, const MergeRule& rule,
                     const MergeObserver& observer);
  Status MergeSlice(sql::Session& session, const DeltaSlice& slice);
  /// Before the commit of a slice: what it may bring into the base.
  Status AddKeys(sql::Session& session, const TableShape& shape);
  Status DropFrozen(sql::Session& session, std::chrono::steady_clock::time_point begin,
                    const MergeObserver& observer);
  bool BaseIsSparse() const;
  /// Whether it is time to sort the base: when more rows came than were sorted last.
  bool SortIsDue(const MergeRule& rule) const;
  Result<std::vector<std::string>> PartsToCopy(sql::Session& session,
                                               const TableShape& shape,
                                               const MergeRule& rule) const;
  Status WriteBaseAnew(sql::Session& session, const MergeRule& rule,
                       const MergeObserver& observer);
  Status CopyBase(sql::Session& session, const TableShape& shape, const TableShape& next,
                  const std::string& condition);
  Status SwapBase(sql::Session& session, const TableShape& next);

  Database& database_;
  std::mutex merging_;  ///< changes of base, deltas and columns
  std::mutex writing_;  ///< appends to the delta
  std::optional<schema::Columns> writer_columns_;  ///< nullopt: not opened
  Writer writer_;

  mutable std::mutex state_;
  std::condition_variable changed_;
  StoredTable stored_;
  std::vector<std::string> sort_;  ///< of the newest Open
  Counts counts_;
  std::shared_ptr<const KeyFilter> keys_;
  std::uint64_t retry_rows_ = 0;  ///< after a failed merge: not before so many are there
  sql::Session* merging_session_ = nullptr;  ///< of a merge under way
  bool merges_held_ = false;
  bool dropped_ = false;
};

}  // namespace millrace::warehouse
