#include <algorithm>
#include <chrono>
#include <utility>

#include "base/failpoint.hpp"
#include "table.hpp"

namespace millrace::warehouse {
namespace {

using Steady = std::chrono::steady_clock;

double SecondsSince(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

/// A KeyFilter of more would take over 16 MiB.
constexpr std::uint64_t kFilterMaxRows = 16u << 20u;

/// So many empty places are not worth a thought.
constexpr std::uint64_t kFewPlaces = 100'000;

Status RunAll(sql::Session& session, const std::vector<std::string>& statements) {
  for (const auto& text : statements) MR_CHECK_OK(session.Run(text));
  return {};
}

void Tell(const MergeObserver& observer, std::string_view step) {
  if (observer) observer(step);
}

}  // namespace

bool Table::MergeIsDue(const MergeRule& rule) const {
  const std::scoped_lock lock(state_);
  if (dropped_ || merges_held_ || counts_.delta < retry_rows_) return false;
  if (stored_.shape.frozen) return true;
  const auto part = rule.ratio * static_cast<double>(counts_.base);
  const auto enough = std::min(rule.max_rows, static_cast<std::uint64_t>(part));
  return counts_.delta >= std::max(rule.min_rows, enough);
}

Status Table::Merge(sql::Session& session, const MergeRule& rule,
                    const MergeObserver& observer) {
  const std::scoped_lock merging(merging_);
  if (!BeginMerge(session)) return {};
  const auto run = [&]() -> Status {
    if (dropped()) return {};
    if (!stored().shape.frozen) {
      MR_CHECK_OK(Freeze(session));
      Tell(observer, "frozen");
    }
    if (!shape().hashed) MR_CHECK_OK(WriteBaseAnew(session, rule, observer));
    MR_CHECK_OK(MergeFrozen(session, rule, observer));
    // What waits to be merged slows every reader; the order, those who filter by it.
    const bool sort = SortIsDue(rule) && !MergeIsDue(rule);
    return BaseIsSparse() || sort ? WriteBaseAnew(session, rule, observer) : Status{};
  };
  auto done = run();
  if (done) Tell(observer, "swapped");
  const std::scoped_lock lock(state_);
  merging_session_ = nullptr;
  if (merges_held_) return {};  // what it had to do is still due
  retry_rows_ = done ? 0 : counts_.delta + rule.min_rows;
  if (!done) return Fail(std::move(done).error().During("merge " + stored_.shape.name));
  return {};
}

Table::MergeHold::MergeHold(Table& table) : table_(table) {
  const std::scoped_lock lock(table_.state_);
  table_.merges_held_ = true;
  // A statement that is only just starting forgets it, and is the last one.
  if (table_.merging_session_ != nullptr) table_.merging_session_->Interrupt();
}

Table::MergeHold::~MergeHold() {
  const std::scoped_lock lock(table_.state_);
  table_.merges_held_ = false;
}

bool Table::BeginMerge(sql::Session& session) {
  const std::scoped_lock lock(state_);
  if (merges_held_) return false;
  merging_session_ = &session;
  return true;
}

Status Table::GoOnMerging() const {
  const std::scoped_lock lock(state_);
  if (!merges_held_) return {};
  return Fail(ErrorCode::kUnavailable, "the table is being replaced");
}

Status Table::Freeze(sql::Session& session) {
  const std::scoped_lock writing(writing_);
  const std::scoped_lock definitions(database_.definitions);
  auto next = stored();
  next.shape.frozen = next.shape.delta++;
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(session.Run(CreateDelta(next.shape)));
  MR_CHECK_OK(session.Run(CreateView(next.shape, true)));
  MR_CHECK_OK(Catalog::Update(session, next));
  MR_CHECK_OK(transaction.Commit());
  writer_ = {};  // it appends to the frozen one
  const std::scoped_lock lock(state_);
  stored_.shape = std::move(next.shape);
  counts_.frozen = std::exchange(counts_.delta, 0);
  return {};
}

/// Brings the newest that the frozen delta has of some keys into the base. In place,
/// which leaves the places of superseded rows empty. Nobody sees a difference: what the
/// base has now the frozen delta has as well.
Status Table::MergeSlice(sql::Session& session, const DeltaSlice& slice) {
  const auto shape = ShapeToMerge();
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(RunAll(session, CompareStatements(shape, slice)));
  MR_TRY(const auto counted, session.Query(CountCompared()));
  MR_CHECK_OK(RunAll(session, UpdateStatements(shape, slice)));
  MR_CHECK_OK(AddKeys(session, shape));
  MR_CHECK_OK(RunAll(session, CleanUpStatements()));
  MR_CHECK_OK(transaction.Commit());
  const std::scoped_lock lock(state_);
  const auto inserted = static_cast<std::uint64_t>(counted.Int64(0, 0));
  counts_.base += inserted - static_cast<std::uint64_t>(counted.Int64(1, 0));
  counts_.base_places += inserted;
  return {};
}

Status Table::AddKeys(sql::Session& session, const TableShape& shape) {
  auto filter = keys();
  if (!filter) return {};
  MR_TRY(auto run, ReadMergedRun(session, shape));
  filter = filter->With(std::move(run));
  const std::scoped_lock lock(state_);
  keys_ = filter->rows() <= kFilterMaxRows ? std::move(filter) : nullptr;
  return {};
}

Status Table::FilterKeys(sql::Session& session, const MergeRule& rule,
                         const MergeObserver& observer) {
  const std::scoped_lock merging(merging_);
  const auto known = shape();
  const auto places = [this] {
    const std::scoped_lock lock(state_);
    return counts_.base_places;
  }();
  const bool worth = places >= rule.filter_rows && places <= kFilterMaxRows;
  if (keys() || !worth || !known.hashed || dropped()) return {};
  MR_TRY(auto runs, ReadRuns(session, known, rule.slice_rows));
  {
    const std::scoped_lock lock(state_);
    keys_ = std::make_shared<const KeyFilter>(std::move(runs));
  }
  Tell(observer, "filtered");
  return {};
}

std::uint64_t Table::FrozenRows() const {
  const std::scoped_lock lock(state_);
  return counts_.frozen;
}

bool Table::BaseIsSparse() const {
  const std::scoped_lock lock(state_);
  return counts_.base_places - counts_.base > counts_.base / 2 + kFewPlaces;
}

bool Table::SortIsDue(const MergeRule& rule) const {
  const auto order = OrderOf(ShapeToMerge());
  const std::scoped_lock lock(state_);
  const auto sorted = counts_.sorted.order == order ? counts_.sorted.rows : 0;
  return !order.empty() && counts_.base_places > 2 * sorted + rule.unsorted_rows;
}

/// By the index where there is one, else by hash: about as many rows each.
Result<std::vector<std::string>> Table::PartsToCopy(sql::Session& session,
                                                    const TableShape& shape,
                                                    const MergeRule& rule) const {
  const auto rows = Info().base_rows;
  if (shape.sort.empty()) return HashConditions(shape, rows, 2 * rule.slice_rows);
  const auto ranges = (rows + rule.slice_rows - 1) / rule.slice_rows;
  MR_TRY(const auto bounds,
         session.Query(SelectBounds(shape, std::max<std::uint64_t>(1, ranges))));
  return SortRanges(shape, bounds);
}

/// Without empty places, with hashes if it has none, and in its order: part by part
/// beside the old one, which stays as it is meanwhile. What a crash leaves of it is
/// dropped when it is begun again.
Status Table::WriteBaseAnew(sql::Session& session, const MergeRule& rule,
                            const MergeObserver& observer) {
  const auto shape = ShapeToMerge();
  const auto next = WithNextBase(shape);
  MR_TRY(const auto parts, PartsToCopy(session, shape, rule));
  {
    const std::scoped_lock definitions(database_.definitions);
    MR_TRY(auto transaction, Transaction::Begin(database_, session));
    MR_CHECK_OK(RunAll(session, BeginBase(next)));
    MR_CHECK_OK(transaction.Commit());
  }
  for (const auto& part : parts) {
    MR_CHECK_OK(GoOnMerging());
    MR_CHECK_OK(CopyBase(session, shape, next, part));
    Tell(observer, "copied");
    MR_CHECK_OK(database_.CheckpointIfLong(rule.checkpoint_wal));
  }
  return SwapBase(session, next);
}

Status Table::CopyBase(sql::Session& session, const TableShape& shape,
                       const TableShape& next, const std::string& condition) {
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(session.Run(CopyToBase(shape, next, condition)));
  return transaction.Commit();
}

Status Table::SwapBase(sql::Session& session, const TableShape& next) {
  const std::scoped_lock definitions(database_.definitions);
  auto known = stored();
  const auto rows = Info().base_rows;
  MR_TRY(const auto copied, session.Query("SELECT count(*) FROM " + BaseTable(next)));
  if (copied.Int64(0, 0) != static_cast<std::int64_t>(rows)) {
    return Fail(ErrorCode::kInternal, "the new base has " +
                                          std::to_string(copied.Int64(0, 0)) + " of " +
                                          std::to_string(rows) + " rows");
  }
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  if (!next.sort.empty()) MR_CHECK_OK(session.Run(SetSorted(next, rows)));
  MR_CHECK_OK(session.Run("DROP TABLE " + BaseTable(known.shape)));
  known.shape.base = next.base;
  known.shape.hashed = true;
  MR_CHECK_OK(session.Run(CreateView(known.shape, true)));
  MR_CHECK_OK(Catalog::Update(session, known));
  MR_CHECK_OK(transaction.Commit());
  const std::scoped_lock lock(state_);
  stored_.shape = std::move(known.shape);
  counts_.base_places = counts_.base;
  keys_ = nullptr;  // made anew, without the rows that are gone
  counts_.sorted = {counts_.base, OrderOf(next)};
  return {};
}

Status Table::MergeFrozen(sql::Session& session, const MergeRule& rule,
                          const MergeObserver& observer) {
  const auto begin = Steady::now();
  for (const auto& slice : SliceDelta(FrozenRows(), rule.slice_rows)) {
    MR_CHECK_OK(GoOnMerging());
    MR_CHECK_OK(MergeSlice(session, slice));
    Tell(observer, "slice");
    MR_CHECK_OK(database_.CheckpointIfLong(rule.checkpoint_wal));
  }
  return DropFrozen(session, begin, observer);
}

Status Table::DropFrozen(sql::Session& session, Steady::time_point begin,
                         const MergeObserver& observer) {
  const std::scoped_lock definitions(database_.definitions);
  auto next = stored();
  const auto frozen = DeltaTable(next.shape, *next.shape.frozen);
  next.shape.frozen.reset();
  next.last_merge_seconds = SecondsSince(begin);
  next.worst_merge_seconds = std::max(next.worst_merge_seconds, next.last_merge_seconds);
  ++next.merges;
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_CHECK_OK(session.Run("DROP TABLE " + frozen));
  MR_CHECK_OK(session.Run(CreateView(next.shape, true)));
  MR_CHECK_OK(Catalog::Update(session, next));
  Tell(observer, "before_swap");
  MR_FAIL_POINT("warehouse.merge_before_swap");
  MR_CHECK_OK(transaction.Commit());
  MR_FAIL_POINT("warehouse.merge_after_swap");

  const std::scoped_lock lock(state_);
  next.positions = stored_.positions;  // appends went on
  stored_ = std::move(next);
  counts_.frozen = 0;
  return {};
}

}  // namespace millrace::warehouse
