#include "retention.hpp"

#include <algorithm>
#include <tuple>

namespace millrace::eventlog {

void Retention::SetReader(const std::string& reader, const StreamId& stream,
                          Offset durable_next) {
  const std::scoped_lock lock(readers_mutex_);
  readers_[stream][reader] = durable_next;
}

void Retention::RemoveReader(const std::string& reader, const StreamId& stream) {
  const std::scoped_lock lock(readers_mutex_);
  const auto found = readers_.find(stream);
  if (found == readers_.end()) return;
  found->second.erase(reader);
  if (found->second.empty()) readers_.erase(found);
}

Status Retention::MakeRoom(const StreamId& stream, std::uint64_t bytes) {
  if (FitsWithAll(bytes)) return {};
  const std::scoped_lock lock(room_mutex_);
  MR_CHECK_OK(DropReadSnapshots());
  if (IsSnapshot(stream)) return {};
  const bool refuse = Keeps(stream);
  while (!Fits(bytes)) {
    const auto victim = FindVictim(!refuse);
    if (!victim) break;
    MR_CHECK_OK(victim->log->DropOldest());
  }
  if (Fits(bytes) || !refuse) return {};
  return Fail(ErrorCode::kResourceExhausted,
              "log_full: the log holds " + std::to_string(counters_.stored_bytes) +
                  " bytes that are still needed, at most " + std::to_string(max_bytes_));
}

bool Retention::FitsWithAll(std::uint64_t bytes) const {
  return max_bytes_ == 0 || counters_.stored_bytes + bytes <= max_bytes_;
}

bool Retention::Fits(std::uint64_t bytes) const {
  if (FitsWithAll(bytes)) return true;
  std::uint64_t snapshots = 0;
  for (const auto& log : list_()) {
    if (IsSnapshot(log->stream())) snapshots += log->Info().bytes;
  }
  return counters_.stored_bytes + bytes <= max_bytes_ + snapshots;
}

Status Retention::DropReadSnapshots() {
  for (const auto& log : list_()) {
    if (!IsSnapshot(log->stream())) continue;
    while (const auto oldest = log->OldestClosed()) {
      if (Needed(*log, oldest->end)) break;
      MR_CHECK_OK(log->DropOldest());
    }
  }
  return {};
}

bool Retention::Keeps(const StreamId& stream) const {
  if (on_full_ != OnFull::kRefuseOnlyCopies) return on_full_ == OnFull::kRefuse;
  return stream.name.starts_with('_') || only_copies_.contains(stream.name);
}

bool Retention::Keeps(const StreamLog& log) const {
  // A declared stream is its own source, also one that the project no longer has.
  const auto& name = log.stream().name;
  return Keeps(log.stream()) ||
         (on_full_ == OnFull::kRefuseOnlyCopies && name != captured_ &&
          log.LastPosition(name) != Position{});
}

std::optional<Retention::Victim> Retention::FindVictim(bool unread_too) const {
  std::optional<Victim> best;
  for (auto& log : list_()) {
    const auto oldest = log->OldestClosed();
    if (!oldest || IsSnapshot(log->stream())) continue;
    Victim victim{log, Needed(*log, oldest->end), oldest->written_at};
    if (victim.needed && (!unread_too || Keeps(*log))) continue;
    const auto rank = [](const Victim& v) { return std::tuple(v.needed, v.written_at); };
    if (!best || rank(victim) < rank(*best)) best = std::move(victim);
  }
  return best;
}

bool Retention::Needed(const StreamLog& log, Offset end) const {
  const std::scoped_lock lock(readers_mutex_);
  const auto found = readers_.find(log.stream());
  // Without readers the log may be the only copy: nothing is dropped that could be kept.
  if (found == readers_.end()) return Keeps(log);
  return std::ranges::any_of(found->second,
                             [&](const auto& reader) { return reader.second < end; });
}

}  // namespace millrace::eventlog
