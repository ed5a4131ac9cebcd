#include "log_place.hpp"

#include "change/envelope.hpp"

namespace millrace::live {
namespace {

/// Capture is milliseconds behind, unless the log takes nothing.
constexpr std::chrono::milliseconds kCaptureStep{200};
constexpr int kCaptureSteps = 25;

std::unexpected<Error> Gone(std::string reason) {
  return Fail(ErrorCode::kOutOfRange, std::move(reason));
}

Position PositionOf(const Version& version) { return {version.epoch, version.position}; }

}  // namespace

Status LogPlace::WaitForCapture(Position position) const {
  for (int i = 0; i < kCaptureSteps && !stopping_; ++i) {
    if (parts_.mark.WaitFor(position, Deadline::After(kCaptureStep))) return {};
  }
  return Fail(ErrorCode::kUnavailable,
              "changes do not reach the log now; /readyz says why");
}

Result<Version> LogPlace::Now() const {
  MR_TRY(const auto end, parts_.changes.End());
  MR_CHECK_OK(WaitForCapture(end));
  return Version{static_cast<std::uint32_t>(end.high), end.low, 0};
}

Result<Offset> LogPlace::After(const StreamId& stream, const Version& version) const {
  const auto position = PositionOf(version);
  MR_TRY(const auto end, parts_.changes.End());
  if (position > end) return Gone("this position is not one of this server");
  MR_CHECK_OK(WaitForCapture(position));
  // In this order: when the last position is below ours, all that was there is too.
  MR_TRY(const auto info, parts_.log.Stream(stream));
  if (position == Position{}) {
    if (info.first == 0) return Offset{0};
    return Gone("the log does not reach back to its beginning");
  }
  MR_TRY(const auto last, parts_.log.LastPosition(stream, source_));
  if (position <= last) {
    return Find(stream, version, static_cast<std::uint32_t>(end.high));
  }
  if (version.epoch == end.high) return info.next;
  return Gone("the records were restored from a backup meanwhile");
}

/// A restored store goes on from some position of an earlier epoch; what was committed
/// behind it is not in this log. So a version of another epoch must be found itself.
Result<Offset> LogPlace::Find(const StreamId& stream, const Version& version,
                              std::uint32_t epoch) const {
  auto batch = parts_.log.Find(stream, source_, PositionOf(version));
  if (!batch && batch.error().code() == ErrorCode::kOutOfRange) {
    return Gone("the log does not reach back to this position");
  }
  MR_CHECK_OK(batch);
  bool exact = version.epoch == epoch;
  for (const auto& record : batch->records()) {
    MR_TRY(const auto event, change::ParseEnvelope(record.body));
    exact = exact || event.version == version;
    if (event.version <= version) continue;
    if (exact) return record.offset;
    break;
  }
  if (exact) return batch->next();
  return Gone("the records were restored from a backup meanwhile");
}

}  // namespace millrace::live
