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
    if (!stored().shape.frozen) {
      MR_CHECK_OK(Freeze(session));
      Tell(observer, "frozen");
    }
    return MergeFrozen(session, observer);
  };
  auto done = run();
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
  MR_CHECK_OK(
      session.Run(CreateStored(next.shape, DeltaTable(next.shape, next.shape.delta))));
  MR_CHECK_OK(session.Run(CreateView(next.shape, true)));
  MR_CHECK_OK(Catalog::Update(session, next));
  MR_CHECK_OK(transaction.Commit());
  writer_ = {};  // it appends to the frozen one
  const std::scoped_lock lock(state_);
  stored_.shape = std::move(next.shape);
  counts_.frozen = std::exchange(counts_.delta, 0);
  return {};
}

Status Table::MergeFrozen(sql::Session& session, const MergeObserver& observer) {
  const auto begin = Steady::now();
  auto next = stored();
  const auto frozen = DeltaTable(next.shape, *next.shape.frozen);
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  for (const auto& text : MergeStatements(next.shape)) MR_CHECK_OK(session.Run(text));
  MR_TRY(const auto rows, session.Query("SELECT count(*) FROM " + BaseTable(next.shape)));
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
  next.position = stored_.position;  // appends went on
  stored_ = std::move(next);
  counts_.base = static_cast<std::uint64_t>(rows.Int64(0, 0));
  counts_.frozen = 0;
  return {};
}

}  // namespace millrace::warehouse
