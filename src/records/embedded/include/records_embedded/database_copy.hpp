#pragma once

#include <cstdint>
#include <filesystem>

#include "base/copy.hpp"
#include "base/time.hpp"

namespace millrace::records {

/// A copy of any SQLite file as of one moment, while others write to it; durable on
/// success. `to` must not exist. Errors: kUnavailable, kResourceExhausted, kDataLoss (it
/// is no database, or damaged), those of `progress`.
Status CopyDatabase(const std::filesystem::path& from, const std::filesystem::path& to,
                    const CopyProgress& progress);

/// Makes the records in `directory` another source than those they were copied from: the
/// epoch of later versions rises, to `now` in seconds since 1970 and by one at least. So
/// each restore has its own, and is above what any earlier life has given out. Gives the
/// new epoch. No process may use the file. kNotFound: no records there; kConflict: a
/// newer format.
Result<std::uint32_t> RaiseEpoch(const std::filesystem::path& directory, TimestampUs now);

}  // namespace millrace::records
