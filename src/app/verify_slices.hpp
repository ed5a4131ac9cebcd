#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "change/sums.hpp"
#include "eventlog/event_log.hpp"
#include "records/record_store.hpp"

namespace millrace::app {

/// Changes that were committed within a time: those of positions (after, upto].
struct Slice {
  TimestampUs begin = 0, end = 0;  ///< 0: not known, or not ended
  std::uint64_t after = 0, upto = 0;
};

/// Cuts the history of a source into slices of commit time. Times and positions rise
/// together, so a position says the slice wherever it is met: log, lake, or table.
class SliceMap {
 public:
  using Marks = std::map<std::string, std::vector<records::SumMark>>;

  /// One slice that has everything.
  SliceMap() = default;
  /// From the marks of all collections. `width` in microseconds, rounded up to minutes; 0
  /// takes the narrowest of some usual ones that gives at most 48 slices. What was
  /// committed before the first mark is a slice of its own, and so is, with no end, the
  /// newest.
  SliceMap(const Marks& marks, TimestampUs width);

  /// Cuts in two the slice that has changes before and after `position`. The index of the
  /// first slice behind it, which may be size().
  std::size_t CutAt(std::uint64_t position);

  const std::vector<Slice>& slices() const { return slices_; }
  std::size_t size() const { return slices_.size(); }
  std::size_t IndexOf(std::uint64_t position) const;
  TimestampUs width() const { return width_; }

 private:
  TimestampUs width_ = 0;
  std::vector<Slice> slices_{{0, 0, 0, UINT64_MAX}};
};

/// A declared stream by the time when its events were accepted; their positions are their
/// offsets + 1. `width` as above.
Result<SliceMap> SlicesOfStream(eventlog::EventLogReader& log,
                                const eventlog::StreamInfo& info, TimestampUs width);

/// The first offset of each slice: of an event with a position in it, or a later one.
/// Positions rise with offsets. Events that cannot be read belong to the slice before.
Result<std::vector<Offset>> FirstOffsets(eventlog::EventLogReader& log,
                                         const eventlog::StreamInfo& info,
                                         const SliceMap& slices);

/// A sum for each slice of a map.
using SliceSums = std::vector<change::Sum>;

change::Sum Plus(change::Sum a, const change::Sum& b);
change::Sum Minus(change::Sum a, const change::Sum& b);
change::Sum Total(const SliceSums& sums);

/// What a collection committed in each slice, by its marks and its sum of now.
SliceSums SumsOfMarks(const SliceMap& map, const std::vector<records::SumMark>& marks,
                      const change::Sum& now);

}  // namespace millrace::app
