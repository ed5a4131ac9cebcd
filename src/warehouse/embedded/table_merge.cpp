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

/// So many empty places are not worth a thought.
constexpr std::uint64_t kFewPlaces = 100'000;

void Tell(const MergeObserver& observer, std::string_view step) {
  if (observer) observer(step);
}

}  // namespace

bool Table::MergeIsDue(const MergeRule& rule) const {
  const std::scoped_lock lock(state_);
  if (dropped_ || counts_.delta < retry_rows_) return false;
  if (stored_.shape.frozen) return true;
  const auto part = rule.ratio * static_cast<double>(counts_.base);
  return counts_.delta >= std::max(rule.min_rows, static_cast<std::uint64_t>(part));
}

Status Table::Merge(sql::Session& session, const MergeRule& rule,
                    const MergeObserver& observer) {
  const std::scoped_lock merging(merging_);
  const auto run = [&]() -> Status {
    if (dropped()) return {};
    if (!stored().shape.frozen) {
      MR_CHECK_OK(Freeze(session));
      Tell(observer, "frozen");
    }
    return MergeFrozen(session, observer);
  };
  auto done = run();
  if (done) Tell(observer, "swapped");
  const std::scoped_lock lock(state_);
  retry_rows_ = done ? 0 : counts_.delta + rule.min_rows;
  if (!done) return Fail(std::move(done).error().During("merge " + stored_.shape.name));
  return {};
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

/// Changes the base in place, which leaves the places of superseded rows empty; when that
/// are too many the base is written anew.
Result<Table::Counts> Table::BringIntoBase(sql::Session& session, TableShape& shape) {
  const auto run = [&](const std::vector<std::string>& statements) -> Status {
    for (const auto& text : statements) MR_CHECK_OK(session.Run(text));
    return {};
  };
  Counts counts;
  {
    const std::scoped_lock lock(state_);
    counts = counts_;
  }
  MR_CHECK_OK(run(CompareStatements(shape)));
  MR_TRY(const auto superseded, session.Query(CountSuperseded()));
  const auto empty = counts.base_places - counts.base +
                     static_cast<std::uint64_t>(superseded.Int64(0, 0));
  const bool rewrite = empty > counts.base / 2 + kFewPlaces;
  MR_CHECK_OK(run(rewrite ? RewriteStatements(shape) : UpdateStatements(shape)));
  MR_CHECK_OK(run(CleanUpStatements()));
  if (rewrite) ++shape.base;
  MR_TRY(const auto rows, session.Query("SELECT count(*) FROM " + BaseTable(shape)));
  counts.base = static_cast<std::uint64_t>(rows.Int64(0, 0));
  counts.base_places = counts.base + (rewrite ? 0 : empty);
  return counts;
}

Status Table::MergeFrozen(sql::Session& session, const MergeObserver& observer) {
  const auto begin = Steady::now();
  auto next = stored();
  const auto frozen = DeltaTable(next.shape, *next.shape.frozen);
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  MR_TRY(const auto counted, BringIntoBase(session, next.shape));
  Tell(observer, "before_swap");
  MR_FAIL_POINT("warehouse.merge_before_swap");

  const std::scoped_lock definitions(database_.definitions);
  next.shape.frozen.reset();
  next.last_merge_seconds = SecondsSince(begin);
  next.worst_merge_seconds = std::max(next.worst_merge_seconds, next.last_merge_seconds);
  ++next.merges;
  MR_CHECK_OK(session.Run("DROP TABLE " + frozen));
  MR_CHECK_OK(session.Run(CreateView(next.shape, true)));
  MR_CHECK_OK(Catalog::Update(session, next));
  MR_CHECK_OK(transaction.Commit());
  MR_FAIL_POINT("warehouse.merge_after_swap");

  const std::scoped_lock lock(state_);
  next.positions = stored_.positions;  // appends went on
  stored_ = std::move(next);
  counts_.base = counted.base;
  counts_.base_places = counted.base_places;
  counts_.frozen = 0;
  return {};
}

}  // namespace millrace::warehouse
