#include "segment_find.hpp"

#include "file_window.hpp"

namespace millrace::eventlog {
namespace {

constexpr std::size_t kChunk = 64u << 10u;
/// Nearer than this, hopping from header to header is as cheap as halving.
constexpr std::uint64_t kNear = 2 * kChunk;

/// What a probe came upon; `next` is where the batch behind it begins.
struct Probe {
  std::uint64_t place = 0;
  std::uint64_t next = 0;
  FoundBatch batch;
  Position after;
  Position upto;
};

class Bisection {
 public:
  Bisection(const File& file, std::uint64_t end, std::string_view source,
            const Position& position)
      : window_(file, end, kChunk), source_(source), position_(position) {}

  Result<std::optional<FoundBatch>> Run(std::uint64_t low, std::uint64_t high) {
    while (high - low > kNear) {
      const auto middle = (low + (high - low) / 2) / kBatchAlignment * kBatchAlignment;
      MR_TRY(const auto begin, NextHeader(middle, high));
      MR_TRY(const auto probe, NextOfSource(begin, high));
      if (!probe || probe->after >= position_) {
        high = middle;
      } else if (probe->upto >= position_) {
        return probe->batch;
      } else {
        low = probe->next;
      }
    }
    return Walk(low, high);
  }

 private:
  /// Hops over the batches from `low` on.
  Result<std::optional<FoundBatch>> Walk(std::uint64_t low, std::uint64_t high) {
    while (true) {
      MR_TRY(const auto probe, NextOfSource(low, high));
      if (!probe || probe->after >= position_) return std::optional<FoundBatch>();
      if (probe->upto >= position_) return probe->batch;
      low = probe->next;
    }
  }

  /// Where a header is at or after `at`; `high` when there is none before it.
  Result<std::uint64_t> NextHeader(std::uint64_t at, std::uint64_t high) {
    for (; at < high; at += kBatchAlignment) {
      MR_TRY(const auto start, window_.View(at, kBatchHeaderMax));
      if (DecodeBatchHeader(start)) return at;
    }
    return high;
  }

  /// The first batch of the source in [at, high), where one of any source begins at `at`.
  Result<std::optional<Probe>> NextOfSource(std::uint64_t at, std::uint64_t high) {
    while (at < high) {
      MR_TRY(const auto start, window_.View(at, kBatchHeaderMax));
      const auto header = DecodeBatchHeader(start);
      if (!header) break;
      if (header->kind == BatchKind::kEvents && header->source == source_) {
        return Probe{at,
                     at + header->length(),
                     {at, header->first, header->count},
                     header->after,
                     header->upto};
      }
      at += header->length();
    }
    return std::optional<Probe>();
  }

  FileWindow window_;
  const std::string_view source_;
  const Position position_;
};

}  // namespace

Result<std::optional<FoundBatch>> FindBatch(const File& file, std::uint64_t begin,
                                            std::uint64_t end, std::string_view source,
                                            const Position& position) {
  return Bisection(file, end, source, position).Run(begin, end);
}

}  // namespace millrace::eventlog
