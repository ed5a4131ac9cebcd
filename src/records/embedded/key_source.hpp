#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/collection.hpp"
#include "store_state.hpp"

namespace millrace::records {

/// Makes the keys of records that come without one. They never run backwards within a
/// data directory: the floors are kept with the store's state.
class KeySource {
 public:
  KeySource(const Clock& clock, std::int64_t floor_ms) : ids_(clock, floor_ms) {}

  /// Text form. kInvalidArgument: the collection's keys are not generated; kConflict: its
  /// sequence is at its end.
  Result<std::string> Next(const schema::Collection& collection, CollectionState& state);
  /// A key that came with its record: a sequence goes on above it.
  static void Seen(const schema::Collection& collection, std::string_view key,
                   CollectionState& state);
  std::int64_t floor_ms() const { return ids_.last_ms(); }

 private:
  IdMaker ids_;
};

}  // namespace millrace::records
