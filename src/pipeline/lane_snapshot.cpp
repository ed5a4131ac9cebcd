#include "base/failpoint.hpp"
#include "lane.hpp"

/// What a lane does with a snapshot, before it goes on with the changes.
namespace millrace::pipeline {

std::uint64_t Lane::snapshot_left() const {
  const std::lock_guard lock(mutex_);
  return snapshot_rows_ - snapshot_done_;
}

void Lane::NeedSnapshot(Offset first) {
  services_.retention.SetReader(reader_, snapshot_stream_, first);
}

Status Lane::OpenSnapshot(std::optional<Offset>& committed) {
  const bool begins = !committed && takes_snapshot();
  MR_TRY(const auto info, services_.log.Stream(snapshot_stream_));
  if (!begins && info.next == 0) return {};
  MR_TRY(auto at, snapshot_sink_->Open(compiled_.output));
  if (!at && begins) {
    MR_TRY(at, BeginSnapshot());
  }
  if (!at) return {};
  MR_TRY(const auto snapshot, services_.snapshots.At(pipeline_.definition.name, *at));
  if (!snapshot) {
    // Of long ago, and dropped since.
    if (committed) return {};
    return Fail(ErrorCode::kOutOfRange, "the snapshot is at " + std::to_string(*at) +
                                            ", where stream " + snapshot_stream_.name +
                                            " has none");
  }
  if (*at < snapshot->end) {
    snapshot_ = *snapshot;
    return {};
  }
  return LeaveSnapshot(*snapshot, committed);
}

/// nullopt: not by this thread.
Result<std::optional<Offset>> Lane::BeginSnapshot() {
  if (!running_) return std::nullopt;
  SetState("snapshot", "reading the records");
  MR_TRY(const Snapshot snapshot,
         services_.snapshots.Ensure({pipeline_.definition.name, pipeline_.collection.name,
                                     pipeline_.collection.updated_at, services_.mark,
                                     [this] { return stopping(); }}));
  MR_CHECK_OK(BeginRebuild());
  MR_FAIL_POINT("snapshot.before_start");
  MR_CHECK_OK(snapshot_sink_->Start(snapshot.first));
  return snapshot.first;
}

Status Lane::EndSnapshot() {
  failed_in_sink_ = true;
  MR_CHECK_OK(target().Flush());
  failed_in_sink_ = false;
  Committed();
  open_ = false;  // opened again it goes on with the changes
  return {};
}

/// The sink has all of `snapshot`.
Status Lane::LeaveSnapshot(const Snapshot& snapshot, std::optional<Offset>& committed) {
  // Of a record that is deleted since, or newer: a table has no use for them, and without
  // a tombstone they would bring it back.
  if (compiled_.is_table) {
    MR_CHECK_OK(services_.state.letters().CloseOlder(
        pipeline_.definition.name, compiled_.name, snapshot_stream_.name,
        SnapshotVersion(snapshot)));
  }
  if (committed && *committed >= snapshot.changes) return {};
  MR_FAIL_POINT("snapshot.before_changes");
  if (committed) {
    // It lost its position, and was told to go on all the same.
    MR_CHECK_OK(sink_->Skip(snapshot.changes,
                            "position_lost: changes from " + std::to_string(*committed) +
                                " on are not here; the records as of commit " +
                                std::to_string(snapshot.upto.low) +
                                " stand in the partition of snapshots"));
  } else {
    MR_CHECK_OK(sink_->Start(snapshot.changes));
  }
  MR_FAIL_POINT("snapshot.after_changes");
  committed = snapshot.changes;
  return {};
}

}  // namespace millrace::pipeline
