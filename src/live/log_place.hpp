#pragma once

#include <atomic>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "live/hub.hpp"

namespace millrace::live {

/// Versions as places of the log. Any thread; calls block.
class LogPlace {
 public:
  explicit LogPlace(const HubParts& parts)
      : parts_(parts), source_(parts.changes.source()) {}

  /// The newest commit of the record store; all streams hold everything up to it when
  /// this returns. kUnavailable: capture does not get there.
  Result<Version> Now() const;
  /// The offset of the first event of the stream behind `version`, which may be of any
  /// collection. kOutOfRange, with the reason for a `reset`: the log does not reach back
  /// so far, or has never been there.
  Result<Offset> After(const StreamId& stream, const Version& version) const;
  /// Ends waiting for capture.
  void Stop() { stopping_ = true; }

 private:
  Status WaitForCapture(Position position) const;
  Result<Offset> Find(const StreamId& stream, const Version& version,
                      std::uint32_t epoch) const;

  const HubParts& parts_;
  const std::string source_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace millrace::live
