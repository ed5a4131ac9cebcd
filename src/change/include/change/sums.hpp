#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/ids.hpp"

namespace millrace::change {

/// Calls `each` for every top-level member of a canonical document, in order, as its text
/// `"name":literal`. A document that is not canonical ends early.
void ForEachMember(std::string_view document,
                   const std::function<void(std::string_view member)>& each);

/// Hash of a row: the sum over its members that are not null, so that neither the order
/// of columns nor a column that did not exist yet matters.
class RowHash {
 public:
  /// `member` is `"name":literal`, canonical.
  void Add(std::string_view member);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

/// Count and additive hash over rows: equal for equal multisets of rows, whatever their
/// order; one lost, doubled or altered row changes it. Sums are modulo 2^64. Stored in
/// records.db and compared across stores: docs/formats/sums.md.
struct Sum {
  std::uint64_t rows = 0;
  std::uint64_t hash = 0;

  /// History: event id and version of the change, and every member but the last (the
  /// version) of its image: the after-image, or the before-image of a delete.
  void AddChange(std::string_view source, const Version& version, std::string_view image);
  void AddChange(std::string_view source, const Version& version, const RowHash& members);
  /// State: every member of the document.
  void AddState(std::string_view document);
  void AddState(const RowHash& members);
  friend bool operator==(const Sum&, const Sum&) = default;
};

/// The members of an image that count for history.
RowHash HistoryHash(std::string_view image);
/// All members of a document.
RowHash StateHash(std::string_view document);

}  // namespace millrace::change
