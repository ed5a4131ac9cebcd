#include "segment_scan.hpp"

#include <algorithm>
#include <utility>

namespace millrace::eventlog {
namespace {

constexpr std::size_t kScanChunk = 1u << 20u;
constexpr std::size_t kHeaderPeek = 16;
constexpr std::size_t kSearchChunk = 64u << 10u;

struct Scanned {
  BatchHeader header;
  std::string_view bytes;  ///< the whole batch, in the window
};

/// The batch at `position` if it is whole; views live until the window's next use.
Result<std::optional<Scanned>> WholeBatchAt(FileWindow& window, std::uint64_t position) {
  MR_TRY(const auto start, window.View(position, kBatchHeaderMax));
  const auto header = DecodeBatchHeader(start);
  if (!header || header->length() > window.end() - position) {
    return std::optional<Scanned>();
  }
  MR_TRY(const auto bytes, window.View(position, header->length()));
  // Decoded again: the source's view must point into the bytes now held.
  const auto whole = DecodeBatchHeader(bytes);
  if (!whole || !PayloadIsValid(*whole, bytes)) return std::optional<Scanned>();
  return Scanned{*whole, bytes};
}

void Pass(ScanPoint& point, const Scanned& batch) {
  point.position += batch.header.length();
  point.next = batch.header.next();
  point.marked = batch.header.kind == BatchKind::kMark;
  point.group_start = batch.header.group_start;
  if (!point.marked) {
    point.positions[std::string(batch.header.source)] = batch.header.upto;
  }
}

}  // namespace

Error DamageAt(const std::filesystem::path& path, std::uint64_t position,
               std::string_view what) {
  return Error(ErrorCode::kDataLoss, path.string() + " at " + std::to_string(position) +
                                         ": " + std::string(what));
}

Result<ScanPoint> ScanHeader(const File& file, const StreamId& stream, Offset first) {
  MR_TRY(const auto size, file.Size());
  FileWindow window(file, size, 4096);
  MR_TRY(const auto start, window.View(0, kHeaderPeek));
  const auto length = SegmentHeaderLength(start);
  if (!length) return Fail(DamageAt(file.path(), 0, "not the start of a segment"));
  MR_TRY(const auto bytes, window.View(0, *length));
  auto header = DecodeSegmentHeader(bytes);
  if (!header) return Fail(DamageAt(file.path(), 0, header.error().message()));
  if (header->first != first || header->stream != stream) {
    return Fail(DamageAt(file.path(), 0,
                         "the header names another place: stream " + header->stream.name +
                             ", first offset " + std::to_string(header->first)));
  }
  return ScanPoint{*length, first, std::move(header->positions), false, *length};
}

Result<std::optional<ScanPoint>> FindMarkedEnd(const File& file, std::uint64_t size) {
  std::optional<ScanPoint> none;
  if (size < kMarkTrailerBytes) return none;
  FileWindow window(file, size, kMarkTrailerBytes);
  MR_TRY(const auto trailer, window.View(size - kMarkTrailerBytes, kMarkTrailerBytes));
  const auto length = MarkLength(trailer);
  if (!length || *length > size || *length % kBatchAlignment != 0) return none;
  MR_TRY(const auto batch, WholeBatchAt(window, size - *length));
  if (!batch || batch->header.length() != *length ||
      batch->header.group_start != size - *length) {
    return none;
  }
  auto positions = DecodeMark(batch->header, batch->bytes);
  if (!positions) return none;
  return ScanPoint{size, batch->header.first, std::move(*positions), true,
                   batch->header.group_start};
}

Result<ScanPoint> ScanBatches(const File& file, std::uint64_t size, ScanPoint from,
                              SparseIndex& index) {
  FileWindow window(file, size, kScanChunk);
  ScanPoint point = std::move(from);
  while (true) {
    MR_TRY(const auto batch, WholeBatchAt(window, point.position));
    if (!batch) return point;
    if (batch->header.first != point.next || batch->header.group_start > point.position) {
      return Fail(DamageAt(file.path(), point.position,
                           "expected offset " + std::to_string(point.next) +
                               ", the batch says " +
                               std::to_string(batch->header.first)));
    }
    index.Add({point.next, point.position});
    Pass(point, *batch);
  }
}

Result<std::uint64_t> NextHeader(FileWindow& window, std::uint64_t at,
                                 std::uint64_t end) {
  static_assert((kSearchChunk - kBatchHeaderMax) % kBatchAlignment == 0);
  while (at < end) {
    MR_TRY(const auto chunk, window.View(at, kSearchChunk));
    if (chunk.empty()) return end;
    // A header that may not be whole in this chunk is one of the next.
    const bool last = chunk.size() < kSearchChunk;
    const auto searched = last ? chunk.size() : chunk.size() - kBatchHeaderMax;
    for (auto in = FindBatchMagic(chunk, 0); in < searched;
         in = FindBatchMagic(chunk, in + kBatchAlignment)) {
      // No further than a header goes: by the text of a record a longer one could be
      // made.
      if (DecodeBatchHeader(chunk.substr(in, kBatchHeaderMax)))
        return std::min(at + in, end);
    }
    at += searched;
  }
  return end;
}

Status CheckTail(const File& file, std::uint64_t size, std::uint64_t end) {
  FileWindow window(file, size, kScanChunk);
  for (auto at = end + kBatchAlignment;; at += kBatchAlignment) {
    MR_TRY(at, NextHeader(window, at, size));
    if (at >= size) return {};
    MR_TRY(const auto start, window.View(at, kBatchHeaderMax));
    const auto header = DecodeBatchHeader(start);
    if (!header || header->group_start <= end) continue;
    return Fail(DamageAt(file.path(), end,
                         "bad checksum, but the batch at " + std::to_string(at) +
                             " was written after this was durable"));
  }
}

}  // namespace millrace::eventlog
