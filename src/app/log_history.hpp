#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "change/envelope.hpp"
#include "eventlog/event_log.hpp"
#include "table_sums.hpp"
#include "verify_letters.hpp"
#include "verify_slices.hpp"

namespace millrace::app {

/// What a lake with the offsets [begin, next) of the stream should have.
struct ExpectedHistory {
  Offset begin = 0, next = 0;
  const Refused* refused = nullptr;
  SliceSums sums;
};
/// Newest change of each key, with a sum for each slice of these changes.
class NewestPerKey {
 public:
  explicit NewestPerKey(std::size_t slices) : sums_(slices) {}
  struct Entry {
    Version version;
    std::uint64_t state = 0;
    std::uint32_t slice = 0;
    bool deleted = true;
  };
  void Add(std::uint64_t key, const Entry& entry);
  const SliceSums& sums() const { return sums_; }
  SliceSums SumsWithout(const std::vector<std::uint64_t>& keys) const;
  const std::unordered_map<std::uint64_t, Entry>& entries() const { return entries_; }

 private:
  static change::Sum SumOf(const Entry& entry);
  std::unordered_map<std::uint64_t, Entry> entries_;
  SliceSums sums_;
};

/// What a table that stands at `next` should have.
struct ExpectedState {
  Offset next = 0;
  const Refused* refused = nullptr;
  /// Keys of which something was refused: what was not, and what a redrive has brought.
  NewestPerKey mended;
  std::optional<SliceSums> sums;  ///< nothing: the log ends before `next`
  SliceSums growing;              ///< of events without keys, as far as it is read
};

/// One event, hashed.
struct HashedEvent {
  Offset offset = 0;
  std::uint64_t position = 0;
  Version version;
  std::size_t slice = 0;
  std::uint64_t key = 0;
  change::Sum history;        ///< of this change alone
  std::uint64_t members = 0;  ///< hash of its image for history
  std::uint64_t state = 0;
  bool deleted = false;

  NewestPerKey::Entry entry() const {
    return {version, state, static_cast<std::uint32_t>(slice), deleted};
  }
};
HashedEvent HashEvent(const change::Event& event, Offset offset, const SliceMap& slices);

/// Reads a stream once and adds up all that others are compared with.
struct LogHistory {
  LogHistory(const SliceMap& of, std::uint64_t records_end, bool of_stream)
      : slices(of),
        end_of_records(records_end),
        declared(of_stream),
        sums(of.size()),
        state(of.size()) {}

  /// Lakes and tables must be there before. `tables` in any order.
  Status Read(eventlog::EventLogReader& log, const eventlog::StreamInfo& info);

  const SliceMap& slices;
  const std::uint64_t end_of_records;  ///< later changes are not in `sums`
  /// A declared stream: each event is taken for a key of its own, and no state is kept.
  const bool declared;
  std::vector<ExpectedHistory> lakes;
  std::vector<ExpectedState> tables;

  SliceSums sums;                           ///< changes up to end_of_records
  NewestPerKey state;                       ///< at the log's end
  std::optional<SliceSums> at_records_end;  ///< state, where the log goes on beyond it
  std::uint64_t first_position = 0, last_position = 0;
  std::uint32_t epoch = 0;              ///< of the last event
  std::uint64_t unreadable = 0;         ///< events without an envelope
  std::vector<std::uint64_t> repeated;  ///< positions that came again, at most ten
  Offset next = 0;                      ///< where reading ended

 private:
  void Add(const HashedEvent& event);
  static void AddMended(ExpectedState& table, const HashedEvent& event);
  void PassTables(Offset offset);
};

/// Calls `each` for the events of offsets [from, to), as far as there are any.
Status ForEachEvent(eventlog::EventLogReader& log, const StreamId& stream, Offset from,
                    Offset to,
                    const std::function<void(const change::Event*, Offset)>& each);

}  // namespace millrace::app
