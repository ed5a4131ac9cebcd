#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/file.hpp"
#include "stream_log.hpp"
#include "stream_path.hpp"

/// How a StreamLog finds its end.
namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRewriteChunk = 1u << 20u;

struct NewestEnd {
  ScanPoint point;
  std::uint64_t size = 0;
};

/// The end of the newest segment: by its mark, or by reading it from its start.
Result<NewestEnd> FindEnd(const File& file, const StreamId& stream, Segment& segment) {
  MR_TRY(auto begin, ScanHeader(file, stream, segment.first));
  MR_TRY(const auto size, file.Size());
  MR_TRY(auto marked, FindMarkedEnd(file, size));
  if (marked) return NewestEnd{std::move(*marked), size};
  MR_TRY(auto point, ScanBatches(file, size, std::move(begin), segment.index));
  return NewestEnd{std::move(point), size};
}

/// Preallocated space, or nothing, follows the end.
Result<bool> TailIsBlank(const File& file, std::uint64_t end) {
  std::uint64_t first = 0;
  MR_TRY(const auto got, file.ReadAt(end, reinterpret_cast<char*>(&first), sizeof first));
  return got == 0 || first == 0;
}

/// For a file that another process may be appending to: moves `end` on if it did.
Result<std::optional<Error>> FindDamage(const File& file, NewestEnd& end,
                                        SparseIndex& index) {
  auto tail = CheckTail(file, end.size, end.point.position);
  if (tail) return std::optional<Error>();
  if (tail.error().code() != ErrorCode::kDataLoss) return Fail(std::move(tail).error());
  // The server may have gone on between our two looks at this place.
  const auto before = end.point.position;
  MR_TRY(end.point, ScanBatches(file, end.size, std::move(end.point), index));
  if (end.point.position != before) return std::optional<Error>();
  return std::optional<Error>(std::move(tail).error());
}

/// After an fdatasync that failed the kernel takes the pages for clean: only writing them
/// again makes the next one write them.
Status WriteAgain(File& file, std::uint64_t begin, std::uint64_t end) {
  std::string bytes;
  for (auto at = begin; at < end; at += bytes.size()) {
    bytes.resize(std::min<std::uint64_t>(end - at, kRewriteChunk));
    MR_TRY(const auto got, file.ReadAt(at, bytes.data(), bytes.size()));
    if (got != bytes.size()) return Fail(DamageAt(file.path(), at, "it became shorter"));
    MR_CHECK_OK(file.WriteAt(at, bytes));
  }
  return {};
}

/// A new name or a removal anywhere above a stream, made durable.
Status SyncDirectories(const fs::path& log, const fs::path& directory) {
  MR_CHECK_OK(SyncDir(directory));
  MR_CHECK_OK(SyncDir(directory.parent_path()));
  return SyncDir(log);
}

}  // namespace

/// Keeps those of `known`, with their indexes.
Result<SegmentList> StreamLog::ListFromDisk(const SegmentList& known) const {
  MR_TRY(const auto firsts, ListSegments(directory_));
  SegmentList segments;
  for (const auto first : firsts) {
    const auto held =
        std::ranges::find(known, first, [](const auto& s) { return s->first; });
    auto segment = held != known.end()
                       ? *held
                       : std::make_shared<Segment>(SegmentPath(directory_, first), first);
    std::error_code failed;
    segment->bytes = fs::file_size(segment->path, failed);
    // A server may drop old segments while a tool looks.
    if (failed == std::errc::no_such_file_or_directory) continue;
    if (failed) return Fail(SystemError("stat", segment->path, failed.value()));
    const auto written = fs::last_write_time(segment->path, failed);
    segment->written_at = failed ? 0 : written.time_since_epoch().count();
    segments.push_back(std::move(segment));
  }
  return segments;
}

Status StreamLog::Recover() {
  if (context_.read_only) return Refresh();
  MR_TRY(auto segments, ListFromDisk({}));
  MR_CHECK_OK(RecoverWritable(segments));
  for (const auto& segment : *segments_) context_.counters.stored_bytes += segment->bytes;
  return {};
}

Status StreamLog::RecoverWritable(const SegmentList& segments) {
  MR_CHECK_OK(RemoveTemporaries(directory_));
  if (segments.empty()) return {};
  auto& newest = *segments.back();
  MR_TRY(auto file, File::OpenReadWrite(newest.path));
  MR_TRY(auto end, FindEnd(file, stream_, newest));
  if (end.point.position < end.size) {
    MR_CHECK_OK(CheckTail(file, end.size, end.point.position));
    MR_CHECK_OK(file.Truncate(end.point.position));
  }
  // A process that ended inside its fdatasync, or saw it fail, leaves a group that can be
  // read and that a power cut still takes; nobody may act on it before this.
  MR_CHECK_OK(WriteAgain(file, end.point.group_start, end.point.position));
  MR_CHECK_OK(file.SyncData());
  MR_CHECK_OK(SyncDirectories(context_.directory, directory_));
  Adopt(segments, std::move(end.point));
  return {};
}

void StreamLog::Adopt(SegmentList segments, ScanPoint point) {
  const std::scoped_lock lock(mutex_);
  segments.back()->bytes = point.position;
  segments_ = std::make_shared<const SegmentList>(std::move(segments));
  next_ = point.next;
  end_ = point.position;
  positions_ = std::move(point.positions);
  unmarked_ = !point.marked;
}

Status StreamLog::Refresh() {
  // Of two looks at once, the one that began first could be done last, and go back.
  const std::scoped_lock looking(look_mutex_);
  std::unique_lock lock(mutex_);
  const auto known = segments_;
  ScanPoint seen{end_, next_, positions_, !unmarked_, end_};
  lock.unlock();
  MR_TRY(auto segments, ListFromDisk(*known));
  if (segments.empty()) return {};
  auto& newest = *segments.back();
  MR_TRY(const auto file, File::OpenRead(newest.path));
  MR_TRY(const auto size, file.Size());
  const bool same =
      !known->empty() && known->back()->first == newest.first && size >= seen.position;
  NewestEnd end{std::move(seen), size};
  if (same) {
    MR_TRY(end.point, ScanBatches(file, size, std::move(end.point), newest.index));
  } else {
    MR_TRY(end, FindEnd(file, stream_, newest));
  }
  // A look that is repeated must be cheap where nothing happened.
  MR_TRY(const bool blank, TailIsBlank(file, end.point.position));
  std::optional<Error> damage;
  if (!same || !blank) {
    MR_TRY(damage, FindDamage(file, end, newest.index));
  }
  Adopt(std::move(segments), std::move(end.point));
  lock.lock();
  damage_ = std::move(damage);
  return {};
}

}  // namespace millrace::eventlog
