#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "capture/event_list.hpp"
#include "schema/record_codec.hpp"

namespace millrace::capture {

/// How bytes from outside are cut into events.
enum class EventForm : std::uint8_t {
  kJson,       ///< one object, or an array of them: taken whole or not at all
  kJsonLines,  ///< an object a line (NDJSON): each line for itself
  kRaw,        ///< the bytes are one event, whatever they are
  kRawLines,   ///< each line is an event
};

struct ParsedEvents {
  struct BadLine {
    std::size_t line;  ///< 1-based
    Error error;
  };
  EventList events;
  std::vector<BadLine> bad;  ///< of forms by line; empty lines are passed over
  bool single = false;       ///< neither an array nor lines
};

/// Events out of `bytes`, which must have schema::kJsonPadding readable bytes behind
/// them. `event_id` (empty: to be made) is that of one raw event; by line, an event
/// without one gets it with the line's number behind it, so that the same lines sent
/// again are known; it is valid UTF-8 without NUL and leaves room for that number within
/// schema::kMaxKeyBytes. kInvalidArgument, kTooLarge (more than `most` events, or one
/// that no log would take, but for a line, which is bad): nothing of it can be used. Any
/// thread.
Result<ParsedEvents> ParseEvents(const schema::RecordCodec& codec, EventForm form,
                                 std::string_view bytes, std::string_view event_id,
                                 std::size_t most);

}  // namespace millrace::capture
