#include "verify_slices.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "change/envelope.hpp"

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

/// `width`, or the narrowest of the usual ones that cuts `range` into few slices.
TimestampUs WidthFor(TimestampUs range, TimestampUs width) {
  if (width > 0)
    return (width + records::kSumSliceUs - 1) / records::kSumSliceUs *
           records::kSumSliceUs;
  for (const auto usual : kWidths) {
    if (range / usual < static_cast<TimestampUs>(kMostSlices)) return usual;
  }
  return kWidths[std::size(kWidths) - 1];
}

struct EventHead {
  TimestampUs committed_at = 0;
  Version version;
};
/// Nothing: it cannot be read.
Result<std::optional<EventHead>> EventAt(eventlog::EventLogReader& log,
                                         const StreamId& stream, Offset offset) {
  MR_TRY(const auto batch, log.Read(stream, offset, 1, 1));
  if (batch.empty()) return std::nullopt;
  const auto event = change::ParseEnvelope(batch.records().front().body);
  if (!event) return std::nullopt;
  return EventHead{event->committed_at, event->version};
}

/// The first offset of [low, high) whose value is at least `wanted`, by halving; `high`
/// where none is.
Result<Offset> FirstWith(Offset low, Offset high, std::uint64_t wanted,
                         const std::function<Result<std::uint64_t>(Offset)>& value_of) {
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    MR_TRY(const auto value, value_of(middle));
    if (value < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
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

std::size_t SliceMap::CutAt(std::uint64_t position) {
  if (position == UINT64_MAX) return slices_.size();
  const auto at = IndexOf(position);
  if (position == 0) return 0;
  if (slices_[at].upto == position) return at + 1;
  Slice behind = slices_[at];
  behind.after = slices_[at].upto = position;
  slices_.insert(slices_.begin() + static_cast<std::ptrdiff_t>(at) + 1, behind);
  return at + 1;
}

std::size_t SliceMap::IndexOf(std::uint64_t position) const {
  const auto at = std::ranges::lower_bound(slices_, position, {}, &Slice::upto);
  return static_cast<std::size_t>(at - slices_.begin());
}

Result<SliceMap> SlicesOfStream(eventlog::EventLogReader& log,
                                const eventlog::StreamInfo& info, TimestampUs width) {
  if (info.first == info.next) return SliceMap();
  const auto time_of = [&](Offset offset) -> Result<std::uint64_t> {
    MR_TRY(const auto event, EventAt(log, info.stream, offset));
    return static_cast<std::uint64_t>(event ? event->committed_at : 0);
  };
  MR_TRY(const auto begin, time_of(info.first));
  MR_TRY(const auto end, time_of(info.next - 1));
  width = WidthFor(static_cast<TimestampUs>(end - begin), width);
  std::vector<records::SumMark> marks;
  for (Offset at = info.first; at < info.next;) {
    MR_TRY(const auto time, time_of(at));
    const auto slice = static_cast<TimestampUs>(time) / width * width;
    marks.push_back({slice, 0, 0, at});
    MR_TRY(at, FirstWith(at + 1, info.next, static_cast<std::uint64_t>(slice + width),
                         time_of));
  }
  return SliceMap({{info.stream.name, std::move(marks)}}, width);
}

Result<std::vector<Offset>> FirstOffsets(eventlog::EventLogReader& log,
                                         const eventlog::StreamInfo& info,
                                         const SliceMap& slices) {
  const auto position_of = [&](Offset offset) -> Result<std::uint64_t> {
    MR_TRY(const auto event, EventAt(log, info.stream, offset));
    return event ? event->version.position : 0;
  };
  std::vector<Offset> firsts;
  Offset at = info.first;
  for (const auto& slice : slices.slices()) {
    MR_TRY(at, FirstWith(at, info.next, slice.after + 1, position_of));
    firsts.push_back(at);
  }
  return firsts;
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
