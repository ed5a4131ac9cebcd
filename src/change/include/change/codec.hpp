#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "change/envelope.hpp"
#include "schema/collection.hpp"

namespace millrace::change {

/// A change of a collection's record that came in another system's form.
struct ForeignChange {
  char op = 'c';               ///< c u d
  std::string_view operation;  ///< insert update replace delete; static text
  std::string key;             ///< text form
  /// The after-image, or the before-image of a delete: a canonical document of the
  /// collection (its rules on values are not checked; fields that the event lacks are
  /// null, system fields too), with 64 readable bytes behind it.
  std::string image;
  TimestampUs at = 0;  ///< of the change; 0: it does not say
  /// Rises with the source's own order, as far as the event tells; 0: it does not.
  std::uint64_t order = 0;
};

/// Changes of one collection in the form in which another system passes them on:
/// docs/formats/codecs.md. One thread.
class Codec {
 public:
  virtual ~Codec() = default;
  /// Appends the event in this form. kInvalidArgument: it has no image.
  virtual Status Encode(std::string& out, const Event& event) const = 0;
  /// kInvalidArgument says what is wrong, as "field: expected …". Whatever the bytes are.
  virtual Result<ForeignChange> Decode(std::string_view payload) = 0;
};

/// Where a time stands in ForeignChange::order: seconds and their fraction, 32 bit each,
/// as MongoDB's cluster times. 0 for times before 1970.
std::uint64_t OrderOf(TimestampUs at);

/// "mongodb-change-stream", "operation-data".
const std::vector<std::string_view>& CodecNames();
/// kInvalidArgument: no codec has this name; the message lists those that exist.
Result<std::unique_ptr<Codec>> MakeCodec(std::string_view name,
                                         const schema::Collection& collection);

}  // namespace millrace::change
