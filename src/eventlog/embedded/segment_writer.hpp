#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "segment_format.hpp"

namespace millrace::eventlog {

/// The open end of a stream: the newest segment's file, open for writing. One thread at a
/// time. A failed write or sync leaves it broken for good: the kernel may have dropped
/// pages, so that a repeated fdatasync would lie.
class SegmentWriter {
 public:
  SegmentWriter(std::filesystem::path directory, std::uint64_t preallocate)
      : directory_(std::move(directory)), preallocate_(preallocate) {}

  /// Goes on in an existing segment whose good bytes end at `end`.
  Status Continue(Offset first, std::uint64_t end);
  /// Begins the segment `header.first`, durable with its name, and leaves the one before.
  /// On failure the old one stays in use, unless broken().
  Status Begin(const SegmentHeader& header);

  /// Writes at the end; durable only after Sync. kResourceExhausted when the disk is
  /// full: call Rollback. Any other error: broken().
  Status Write(std::string_view bytes);
  Status Sync();
  /// Takes back all that was written since the last Sync, durably. On failure broken().
  Status Rollback();
  /// Marks the segment as cleanly closed and gives preallocated space back.
  Status Close(const Positions& positions, Offset next);

  bool is_open() const { return file_.is_open(); }
  bool broken() const { return broken_; }
  std::uint64_t end() const { return end_; }          ///< written
  std::uint64_t durable() const { return durable_; }  ///< synced

 private:
  void Preallocate(std::uint64_t upto);
  Status Broken(Status status);

  std::filesystem::path directory_;
  std::uint64_t preallocate_;
  File file_;
  std::uint64_t end_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t allocated_ = 0;
  bool broken_ = false;
};

}  // namespace millrace::eventlog
