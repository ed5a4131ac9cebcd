#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::change {

/// A change event in the Debezium form, as the log keeps it:
/// {"before":…,"after":…,"source":{"version":"1","connector":"millrace","name":…,
/// "ts_ms":…,"ts_us":…,"ts_ns":…,"snapshot":"false","db":…(tenant),"collection":…,"key":…,
/// "epoch":…,"position":…,"ordinal":…[,"as_of":…]},"op":"c","operation":"insert","ts_ms":…}
/// `before` and `after` are canonical documents or null. docs/formats/change-event.md.
struct Event {
  std::string_view before;  ///< raw JSON object, empty when null
  std::string_view after;   ///< raw JSON object, empty when null
  std::string_view source;  ///< "name" of the source
  std::string_view tenant, collection;
  std::string_view
      key;  ///< text form, unescaped only if it has no escapes (see key_json)
  std::string_view
      key_json;   ///< the literal as it stands in the envelope (a JSON string)
  char op = 'c';  ///< c u d r
  std::string_view operation;  ///< insert update replace delete read
  TimestampUs committed_at = 0;
  Version version;
  /// Events of streams: the last commit of the record store before it.
  std::optional<Version> as_of;

  /// The state of the record store that lookups are read as of.
  const Version& seen() const { return as_of ? *as_of : version; }
  /// After-image, or the before-image of a delete: what history sums and `changes` show.
  std::string_view image() const { return op == 'd' ? before : after; }
};

/// Appends the envelope of `event` (key used, key_json ignored).
void AppendEnvelope(std::string& out, const Event& event);

/// Writes the envelopes of events that differ in after-image, key and position alone, as
/// AppendEnvelope would: what they share is made once. Any number of threads.
class EnvelopeSeries {
 public:
  /// `common`: its after, key and version.position are not used.
  explicit EnvelopeSeries(const Event& common);

  /// An envelope is Begin, the after-image, End.
  void Begin(std::string& out) const { out += up_to_after_; }
  void End(std::string& out, std::string_view key, std::uint64_t position) const;
  /// At most this many bytes beside after-image and key, unless that has escapes.
  std::size_t size() const;

 private:
  std::string up_to_after_, up_to_key_, up_to_position_, rest_;
};

/// Reads an envelope written by AppendEnvelope (fast path, fixed member order) or by any
/// other tool in this form (members in any order). `body` must have 64 readable bytes
/// behind it. Views point into `body`. kInvalidArgument says what is missing.
Result<Event> ParseEnvelope(std::string_view body);

}  // namespace millrace::change
