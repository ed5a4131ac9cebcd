#include "segment_find.hpp"

#include "segment_scan.hpp"

namespace millrace::eventlog {
namespace {

constexpr std::size_t kChunk = 64u << 10u;
/// Nearer than this, hopping from header to header is as cheap as halving.
constexpr std::uint64_t kNear = 2 * kChunk;
/// So many hops before each halving: a probe reads half a batch until it comes upon a
/// header, which in batches of megabytes is dearer than their headers one by one.
constexpr int kHops = 8;

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
    for (int hops = 0;; ++hops) {
      const bool halve = hops >= kHops && low + kNear < high;
      const auto middle = (low + (high - low) / 2) / kBatchAlignment * kBatchAlignment;
      auto at = low;
      if (halve) {
        hops = 0;
        MR_TRY(at, NextHeader(window_, middle, high));
      }
      MR_TRY(const auto probe, NextOfSource(at, high));
      const bool below = probe && probe->after < position_;
      if (below && probe->upto >= position_) return probe->batch;
      if (below) {
        low = probe->next;
      } else if (halve) {
        high = middle;
      } else {
        return std::optional<FoundBatch>();
      }
    }
  }

 private:
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
