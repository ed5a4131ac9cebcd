#include <utility>

#include "base/file.hpp"
#include "segment_find.hpp"
#include "segment_reader.hpp"
#include "segment_scan.hpp"
#include "stream_log.hpp"

/// How a StreamLog finds the batch of a position.
namespace millrace::eventlog {
namespace {

Position PositionOf(const Positions& positions, const std::string& source) {
  const auto found = positions.find(source);
  return found == positions.end() ? Position{} : found->second;
}

}  // namespace

/// The last one that was begun before the source came to `position`, by their headers.
Result<std::size_t> StreamLog::SegmentOf(const View& view, const std::string& source,
                                         const Position& position) const {
  const auto& segments = *view.segments;
  std::size_t low = 0, high = segments.size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    MR_TRY(const auto file, File::OpenRead(segments[middle]->path));
    MR_TRY(const auto begin, ScanHeader(file, stream_, segments[middle]->first));
    if (PositionOf(begin.positions, source) < position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 0) return low - 1;
  return Fail(ErrorCode::kOutOfRange, stream_.name + ": retention has dropped it");
}

Result<RecordBatch> StreamLog::Find(const std::string& source, const Position& position) {
  // Of one moment: an append in between has a position that the view does not reach.
  std::unique_lock lock(mutex_);
  const View view{segments_, next_, end_, damage_};
  const auto last = PositionOf(positions_, source);
  lock.unlock();
  if (position > last) return RecordBatch(view.next, nullptr, {});
  auto at = SegmentOf(view, source, position);
  if (!at) return Fail(Vanished(0, std::move(at).error()));
  auto& segment = *(*view.segments)[*at];
  const bool newest = *at + 1 == view.segments->size();
  auto file = File::OpenRead(segment.path);
  if (!file) return Fail(Vanished(segment.first, std::move(file).error()));
  MR_TRY(const auto begin, ScanHeader(*file, stream_, segment.first));
  MR_TRY(const auto size, file->Size());
  MR_TRY(const auto found,
         FindBatch(*file, begin.position, newest ? view.end : size, source, position));
  if (!found) {
    return Fail(ErrorCode::kDataLoss, segment.path.string() + ": the batch of " + source +
                                          " at " + std::to_string(position.low) +
                                          " is not there");
  }
  return ReadSegment(segment, {.stream = stream_,
                               .from = found->first,
                               .end = found->first + found->count,
                               .bytes = newest ? view.end : 0,
                               .max_records = found->count,
                               .max_bytes = 1,  // whatever it has, this batch alone
                               .at = SparseIndex::Entry{found->first, found->place}});
}

}  // namespace millrace::eventlog
