#include "table.hpp"

namespace millrace::warehouse {
namespace {

/// The shape under another name, with numbers that the table that has it does not use,
/// nor a new base of it that was not finished.
TableShape Renamed(TableShape shape, const std::string& name, const TableShape& old) {
  shape.name = name;
  const auto deltas = old.delta + 1;
  shape.base += WithNextBase(old).base + 1;
  shape.delta += deltas;
  if (shape.frozen) *shape.frozen += deltas;
  return shape;
}

}  // namespace

Status Table::TakePlace(sql::Session& session, const std::string& name, Table* old,
                        const std::function<void()>& publish) {
  const MergeHold hold(*this);
  std::optional<MergeHold> hold_old;
  if (old != nullptr) hold_old.emplace(*old);
  std::unique_lock merging(merging_, std::defer_lock);
  std::unique_lock writing(writing_, std::defer_lock);
  if (old != nullptr) {
    std::lock(merging, writing, old->merging_, old->writing_);
  } else {
    std::lock(merging, writing);
  }
  std::unique_lock<std::mutex> old_merging, old_writing;
  if (old != nullptr) {
    old_merging = std::unique_lock(old->merging_, std::adopt_lock);
    old_writing = std::unique_lock(old->writing_, std::adopt_lock);
  }
  const std::scoped_lock definitions(database_.definitions);
  const auto from = shape();
  const auto to = Renamed(from, name, old == nullptr ? TableShape{} : old->shape());
  MR_TRY(auto transaction, Transaction::Begin(database_, session));
  if (old != nullptr) {
    old->writer_ = {};
    MR_CHECK_OK(DropStored(session, old->shape()));
  }
  writer_ = {};
  MR_CHECK_OK(session.Run("DROP VIEW " + ViewName(from)));
  MR_CHECK_OK(session.Run(DropNextBase(from)));
  for (const auto& text : RenameStatements(from, to)) MR_CHECK_OK(session.Run(text));
  MR_CHECK_OK(Catalog::Rename(session, from.name, to));
  MR_CHECK_OK(session.Run(CreateView(to, false)));
  MR_CHECK_OK(transaction.Commit());
  writer_columns_.reset();
  {
    const std::scoped_lock lock(state_);
    stored_.shape = to;
  }
  publish();
  // Whoever waits for it looks for what has its name now.
  if (old != nullptr) old->SetDropped();
  return {};
}

}  // namespace millrace::warehouse
