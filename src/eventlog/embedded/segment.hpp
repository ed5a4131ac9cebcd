#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "sparse_index.hpp"

namespace millrace::eventlog {

/// One file of a stream, as readers, the writer and retention know it. Nobody keeps it
/// open for reading: opening costs microseconds, and descriptors stay few.
struct Segment {
  Segment(std::filesystem::path at, Offset begin) : path(std::move(at)), first(begin) {}

  const std::filesystem::path path;
  const Offset first;
  SparseIndex index;
  std::atomic<std::uint64_t> bytes = 0;  ///< without preallocated space
  /// File time of its last write, for retention across streams: only compared.
  std::atomic<std::int64_t> written_at = 0;
};

/// Ascending; shared by a stream and by reads that began before it changed.
using SegmentList = std::vector<std::shared_ptr<Segment>>;

}  // namespace millrace::eventlog
