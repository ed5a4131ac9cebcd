#include "base/file.hpp"
#include "stream_log.hpp"
#include "stream_path.hpp"

/// How a copy of a stream is brought up to its end.
namespace millrace::eventlog {
namespace {

Error Overtaken(const StreamId& stream) {
  return Error(ErrorCode::kOutOfRange,
               "stream " + stream.name +
                   ": retention dropped segments before they were copied; raise "
                   "log.max_bytes, or copy when less is written");
}

}  // namespace

Status StreamLog::CopyTo(const std::filesystem::path& log,
                         const CopyProgress& progress) const {
  const auto view = Look();
  if (view.damage) return Fail(*view.damage);
  if (!view.segments || view.segments->empty()) return {};
  const auto to = StreamDirectory(log, stream_);
  MR_CHECK_OK(MakeDirs(to));
  MR_TRY(const auto copied, ListSegments(to));
  const bool begun = !copied.empty();
  if (begun && copied.back() < view.segments->front()->first) {
    return Fail(Overtaken(stream_));
  }
  // Newest first: retention drops the oldest first, so where one is gone, all older ones
  // are, and the copy begins where the log does now.
  for (auto at = view.segments->rbegin(); at != view.segments->rend(); ++at) {
    const auto& segment = **at;
    const bool newest = at == view.segments->rbegin();
    const auto end = newest ? view.end : segment.bytes.load();
    const auto done =
        CopyUpTo(segment.path, SegmentPath(to, segment.first), end, progress);
    if (done) continue;
    if (done.error().code() != ErrorCode::kNotFound) return done;
    if (begun && segment.first >= copied.back()) return Fail(Overtaken(stream_));
    break;
  }
  MR_CHECK_OK(SyncDir(to));
  return SyncDir(to.parent_path());
}

}  // namespace millrace::eventlog
