#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/file.hpp"
#include "segment_format.hpp"

/// Finding a source's position in a segment. No state; any thread.
namespace millrace::eventlog {

/// A batch of events in a segment's file.
struct FoundBatch {
  std::uint64_t place = 0;
  Offset first = 0;
  std::uint32_t count = 0;
};

/// The batch of `source` with after < position <= upto among those of [begin, end) of the
/// file; a batch begins at `begin`. Nothing when there is none. Halves the file: reads
/// some headers, wherever in it a search for one comes out, not what is between them.
/// Errors: kUnavailable.
Result<std::optional<FoundBatch>> FindBatch(const File& file, std::uint64_t begin,
                                            std::uint64_t end, std::string_view source,
                                            const Position& position);

}  // namespace millrace::eventlog
