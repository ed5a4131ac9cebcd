#include "segment_reader.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/file.hpp"
#include "file_window.hpp"
#include "segment_format.hpp"
#include "segment_scan.hpp"

namespace millrace::eventlog {
namespace {

constexpr std::size_t kWalkChunk = 64u << 10u;
constexpr std::uint64_t kReadSlack = 64u << 10u;

/// Grows from one position of a file on; keeps what it has.
class ReadBuffer {
 public:
  ReadBuffer(const File& file, std::uint64_t begin, std::uint64_t end)
      : file_(file), begin_(begin), end_(end) {}

  /// Holds at least `size` bytes afterwards, or all up to the end.
  Status Fill(std::uint64_t size) {
    size = std::min(size, end_ - begin_);
    if (size <= size_) return {};
    if (size > capacity_) Grow(std::min(std::max(size, 2 * size_), end_ - begin_));
    MR_TRY(const auto got,
           file_.ReadAt(begin_ + size_, bytes_.get() + size_, capacity_ - size_));
    size_ += got;
    return {};
  }
  std::string_view From(std::uint64_t at) const {
    return std::string_view(bytes_.get(), size_).substr(std::min(at, size_));
  }
  std::uint64_t begin() const { return begin_; }
  std::unique_ptr<char[]> Take() { return std::move(bytes_); }

 private:
  void Grow(std::uint64_t capacity) {
    auto bytes =
        std::make_unique_for_overwrite<char[]>(capacity + RecordBatch::kReadableAfter);
    std::memset(bytes.get() + capacity, 0, RecordBatch::kReadableAfter);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  const File& file_;
  std::uint64_t begin_;
  std::uint64_t end_;
  std::unique_ptr<char[]> bytes_;
  std::uint64_t size_ = 0;
  std::uint64_t capacity_ = 0;
};

/// Reads one ReadRange of one open segment.
class SegmentReader {
 public:
  SegmentReader(Segment& segment, const ReadRange& range, const File& file,
                std::uint64_t end)
      : segment_(segment), range_(range), file_(file), end_(end) {}

  Result<RecordBatch> Run() {
    MR_TRY(const auto start, Locate());
    ReadBuffer buffer(file_, start.entry.position, end_);
    MR_CHECK_OK(buffer.Fill(std::max(Estimate(), start.length + kReadSlack)));
    MR_CHECK_OK(Collect(buffer, start.entry.first));
    return Finish(buffer);
  }

 private:
  struct Start {
    SparseIndex::Entry entry;
    std::uint64_t length;  ///< of its batch
  };
  struct Place {
    Offset offset;
    std::uint64_t at;  ///< in the buffer
    std::uint32_t length;
  };

  /// Walks over batch headers from the nearest known batch to the one that holds `from`.
  Result<Start> Locate() {
    auto known = range_.at ? range_.at : segment_.index.Floor(range_.from);
    if (!known) {
      MR_TRY(const auto begin, ScanHeader(file_, range_.stream, segment_.first));
      known = SparseIndex::Entry{segment_.first, begin.position};
    }
    auto at = *known;
    FileWindow window(file_, end_, kWalkChunk);
    while (true) {
      Remember(at);
      MR_TRY(const auto start, window.View(at.position, kBatchHeaderMax));
      MR_TRY(const auto header, Expect(start, at));
      if (header.next() > range_.from) return Start{at, header.length()};
      at = {header.next(), at.position + header.length()};
    }
  }

  /// Only places that were reached batch by batch are sure enough for others to use.
  void Remember(SparseIndex::Entry entry) {
    if (!range_.at) segment_.index.Add(entry);
  }

  Result<BatchHeader> Expect(std::string_view start, SparseIndex::Entry at) const {
    const auto header = DecodeBatchHeader(start);
    if (!header) {
      return Fail(DamageAt(segment_.path, at.position,
                           "no batch of offset " + std::to_string(at.first)));
    }
    if (header->first != at.first || header->next() > range_.end) {
      return Fail(DamageAt(segment_.path, at.position,
                           "expected offset " + std::to_string(at.first) +
                               ", the batch has " + std::to_string(header->first) +
                               " to " + std::to_string(header->next())));
    }
    return *header;
  }

  /// Bytes that are likely to hold what is wanted, so that one read does.
  std::uint64_t Estimate() const {
    const auto events = std::max<std::uint64_t>(range_.end - segment_.first, 1);
    const auto wanted = (end_ / events + 1) * range_.max_records;
    return std::min(wanted, range_.max_bytes) + kReadSlack;
  }

  bool Enough() const {
    return places_.size() >= range_.max_records || bytes_ >= range_.max_bytes;
  }
  /// Half of what is wanted, and no more of it without going beyond: better to end with a
  /// whole batch.
  bool EnoughBefore(const BatchHeader& header) const {
    const auto count = header.next() - header.first;
    return (2 * places_.size() >= range_.max_records &&
            places_.size() + count > range_.max_records) ||
           (2 * bytes_ >= range_.max_bytes &&
            bytes_ + header.length() > range_.max_bytes);
  }

  Status Collect(ReadBuffer& buffer, Offset first) {
    std::uint64_t at = 0;
    while (!Enough() && first < range_.end) {
      const SparseIndex::Entry entry{first, buffer.begin() + at};
      MR_CHECK_OK(buffer.Fill(at + kBatchHeaderMax));
      MR_TRY(const auto peeked, Expect(buffer.From(at), entry));
      if (!places_.empty() && EnoughBefore(peeked)) break;
      MR_CHECK_OK(buffer.Fill(at + peeked.length()));
      // Growing moved the bytes that the first header points into.
      MR_TRY(const auto header, Expect(buffer.From(at), entry));
      if (!PayloadIsValid(header, buffer.From(at))) {
        return Fail(DamageAt(segment_.path, entry.position, "bad checksum"));
      }
      MR_CHECK_OK(Split(buffer, at, header));
      Remember(entry);
      at += header.length();
      first = header.next();
    }
    return {};
  }

  /// Finds the records of one valid batch, all of them: it was read and checked.
  Status Split(const ReadBuffer& buffer, std::uint64_t at, const BatchHeader& header) {
    const auto batch = buffer.From(at).substr(0, header.length());
    std::uint64_t in_batch = header.header_length();
    for (auto offset = header.first; offset < header.next(); ++offset) {
      if (in_batch + 4 > batch.size()) return Overrun(buffer.begin() + at);
      const auto length = LoadU32(batch.data() + in_batch);
      in_batch += 4;
      if (length > batch.size() - in_batch) return Overrun(buffer.begin() + at);
      if (offset >= range_.from) {
        places_.push_back({offset, at + in_batch, length});
        bytes_ += length;
      }
      in_batch += length;
    }
    return {};
  }

  Status Overrun(std::uint64_t position) const {
    return Fail(DamageAt(segment_.path, position, "a record is longer than its batch"));
  }

  Result<RecordBatch> Finish(ReadBuffer& buffer) const {
    const std::shared_ptr<const char[]> bytes = buffer.Take();
    std::vector<Record> records;
    records.reserve(places_.size());
    for (const auto& place : places_) {
      records.push_back({place.offset, {bytes.get() + place.at, place.length}});
    }
    return RecordBatch(range_.from, bytes, std::move(records));
  }

  Segment& segment_;
  const ReadRange& range_;
  const File& file_;
  const std::uint64_t end_;
  std::vector<Place> places_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<RecordBatch> ReadSegment(Segment& segment, const ReadRange& range) {
  MR_TRY(const auto file, File::OpenRead(segment.path));
  MR_TRY(const auto size, file.Size());
  const auto end = range.bytes == 0 ? size : std::min(size, range.bytes);
  return SegmentReader(segment, range, file, end).Run();
}

}  // namespace millrace::eventlog
