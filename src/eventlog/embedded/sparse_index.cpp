#include "sparse_index.hpp"

#include <algorithm>

namespace millrace::eventlog {

std::optional<SparseIndex::Entry> SparseIndex::Floor(Offset offset) const {
  const std::scoped_lock lock(mutex_);
  const auto above = std::ranges::upper_bound(entries_, offset, {}, &Entry::first);
  if (above == entries_.begin()) return {};
  return *std::prev(above);
}

void SparseIndex::Add(Entry entry) {
  const std::scoped_lock lock(mutex_);
  const auto above =
      std::ranges::upper_bound(entries_, entry.position, {}, &Entry::position);
  if (above != entries_.begin() &&
      entry.position - std::prev(above)->position < kSpacing) {
    return;
  }
  if (above != entries_.end() && above->position - entry.position < kSpacing) return;
  entries_.insert(above, entry);
}

}  // namespace millrace::eventlog
