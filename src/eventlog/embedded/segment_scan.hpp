#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/file.hpp"
#include "file_window.hpp"
#include "segment_format.hpp"
#include "sparse_index.hpp"

/// Finding the end of the newest segment. No state; any thread.
namespace millrace::eventlog {

/// Place in a segment up to which everything was read and is whole.
struct ScanPoint {
  std::uint64_t position = 0;
  Offset next = 0;
  Positions positions;
  bool marked = false;  ///< what ends here is a mark: the segment was closed cleanly
  std::uint64_t group_start = 0;  ///< of the last batch: all before it was durable
};

/// kDataLoss that names file and position.
Error DamageAt(const std::filesystem::path& path, std::uint64_t position,
               std::string_view what);

/// Reads and checks the header; the point after it. `first` is what the file's name says.
/// Errors: kDataLoss, kUnavailable.
Result<ScanPoint> ScanHeader(const File& file, const StreamId& stream, Offset first);

/// The end by the mark of a clean close, without reading the rest; nothing without one.
Result<std::optional<ScanPoint>> FindMarkedEnd(const File& file, std::uint64_t size);

/// Reads on from `from`, checking every sum, until the file ends or a batch is not whole.
/// What follows that point is a torn tail, see CheckTail. Puts batches into `index`.
/// Errors: kDataLoss (a whole batch has the wrong offset), kUnavailable.
Result<ScanPoint> ScanBatches(const File& file, std::uint64_t size, ScanPoint from,
                              SparseIndex& index);

/// Where the first header at or after `at` is, in steps of kBatchAlignment; `end` when
/// there is none before it, or the file is shorter than the window. Looks for its first
/// bytes only, wherever they are in what is no header. Errors: kUnavailable.
Result<std::uint64_t> NextHeader(FileWindow& window, std::uint64_t at, std::uint64_t end);

/// Whether what follows `end` can be what a crash left. It cannot when a later batch
/// proves that bytes beyond `end` were durable before it was written: kDataLoss.
Status CheckTail(const File& file, std::uint64_t size, std::uint64_t end);

}  // namespace millrace::eventlog
