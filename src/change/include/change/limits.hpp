#pragma once

#include <cstdint>

namespace millrace::change {

/// Largest event that a log takes: an envelope with its documents, in bytes.
inline constexpr std::uint64_t kMaxEventBytes = 32u << 20u;
/// More than an envelope has beside its documents, and a document beside its declared
/// fields: names, numbers and a key, each escaped.
inline constexpr std::uint64_t kMaxOverheadBytes = 16u << 10u;
/// Largest document of a record: a change has the one before and the one after it, so
/// that whatever is stored can be changed.
inline constexpr std::uint64_t kMaxDocumentBytes =
    (kMaxEventBytes - kMaxOverheadBytes) / 2;

}  // namespace millrace::change
