#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ids.hpp"

namespace millrace::eventlog {

/// Where some batches of one segment begin: about one in 64 KiB, so that 64 MiB cost
/// 16 KiB of memory. Filled by appends, by recovery and by readers as they pass. Any
/// thread.
class SparseIndex {
 public:
  static constexpr std::uint64_t kSpacing = 64u << 10u;

  struct Entry {
    Offset first = 0;            ///< of the batch
    std::uint64_t position = 0;  ///< of the batch in the file
  };

  /// The last known batch that begins at or before `offset`; none before the first Add.
  std::optional<Entry> Floor(Offset offset) const;
  /// Kept only where no neighbour is near.
  void Add(Entry entry);

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace millrace::eventlog
