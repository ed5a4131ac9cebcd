#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.hpp"

namespace millrace::change {

/// Count and additive hash over rows: equal for equal multisets of rows, whatever their
/// order; one lost, doubled or altered row changes it. The hash of a row is
/// Hash64(event id, version, document), the sum is modulo 2^64.
struct Sum {
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;

  /// History: `document` is the after-image, or the before-image of a delete.
  void AddChange(std::string_view source, const Version& version,
                 std::string_view document);
  /// State: no event id, the document's own version is inside it.
  void AddState(std::string_view document);
  friend bool operator==(const Sum&, const Sum&) = default;
};

}  // namespace millrace::change
