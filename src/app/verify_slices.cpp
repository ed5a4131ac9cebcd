#include "verify_slices.hpp"

#include <algorithm>

namespace millrace::app {
namespace {

constexpr std::size_t kMostSlices = 48;
constexpr TimestampUs kHour = 60 * records::kSumSliceUs;
constexpr TimestampUs kWidths[] = {records::kSumSliceUs,
                                   records::kSumSliceUs * 5,
                                   records::kSumSliceUs * 15,
                                   kHour,
                                   kHour * 6,
                                   kHour * 24,
                                   kHour * 24 * 7,
                                   kHour * 24 * 30,
                                   kHour * 24 * 365};

/// Last position before each minute that had commits.
using Minutes = std::map<TimestampUs, std::uint64_t>;

/// Last position before each span of `width` that had commits.
Minutes Coarser(const Minutes& minutes, TimestampUs width) {
  Minutes out;
  for (const auto& [begin, before] : minutes) out.emplace(begin - begin % width, before);
  return out;
}

}  // namespace

SliceMap::SliceMap(const Marks& marks, TimestampUs width) {
  Minutes minutes;
  for (const auto& [collection, of_one] : marks) {
    for (const auto& mark : of_one) {
      const auto [at, fresh] = minutes.emplace(mark.begin, mark.position);
      at->second = std::min(at->second, mark.position);
    }
  }
  if (minutes.empty()) return;
  constexpr auto kMinute = records::kSumSliceUs;
  width_ = (width + kMinute - 1) / kMinute * kMinute;
  for (std::size_t i = 0; width == 0 && i < std::size(kWidths); ++i) {
    width_ = kWidths[i];
    if (Coarser(minutes, width_).size() <= kMostSlices) break;
  }
  const auto spans = Coarser(minutes, width_);
  slices_.clear();
  if (spans.begin()->second > 0) {
    slices_.push_back({0, spans.begin()->first, 0, spans.begin()->second});
  }
  for (auto at = spans.begin(); at != spans.end(); ++at) {
    const auto next = std::next(at);
    const auto upto = next == spans.end() ? UINT64_MAX : next->second;
    slices_.push_back({at->first, at->first + width_, at->second, upto});
  }
}

std::size_t SliceMap::IndexOf(std::uint64_t position) const {
  const auto at = std::ranges::lower_bound(slices_, position, {}, &Slice::upto);
  return static_cast<std::size_t>(at - slices_.begin());
}

change::Sum Plus(change::Sum a, const change::Sum& b) {
  return {a.rows + b.rows, a.hash + b.hash};
}
change::Sum Minus(change::Sum a, const change::Sum& b) {
  return {a.rows - b.rows, a.hash - b.hash};
}
change::Sum Total(const SliceSums& sums) {
  change::Sum total;
  for (const auto& sum : sums) total = Plus(total, sum);
  return total;
}

SliceSums SumsOfMarks(const SliceMap& map, const std::vector<records::SumMark>& marks,
                      const change::Sum& now) {
  SliceSums sums;
  change::Sum before;
  for (const auto& slice : map.slices()) {
    // Nothing of this collection was committed between a slice's end and its next mark.
    const auto next = std::ranges::find_if(
        marks, [&](const records::SumMark& mark) { return mark.position >= slice.upto; });
    const auto upto = next == marks.end() ? now : change::Sum{next->changes, next->hash};
    sums.push_back(Minus(upto, before));
    before = upto;
  }
  return sums;
}

}  // namespace millrace::app
