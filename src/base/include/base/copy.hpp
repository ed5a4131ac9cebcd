#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.hpp"

namespace millrace {

/// Told how many bytes more were copied or read; an error ends the work and is given up.
using CopyProgress = std::function<Status(std::uint64_t bytes)>;

/// Makes `to`, empty, where it is not there, with the mode of `from`: a copy is readable
/// by nobody else. Errors: kNotFound (`from`), kUnavailable.
Status CreateLike(const std::filesystem::path& from, const std::filesystem::path& to);

/// Brings `to` (made as CreateLike does when absent) to the first `end` bytes of `from`:
/// what it has already is kept, the rest is appended and durable on success (the name is
/// not: SyncDir). Fewer bytes in `from` than `end` are kDataLoss. On failure `to` may
/// have some of them. Errors: kNotFound (`from`), kResourceExhausted, kUnavailable, those
/// of `progress`.
Status CopyUpTo(const std::filesystem::path& from, const std::filesystem::path& to,
                std::uint64_t end, const CopyProgress& progress);

/// The same from an open file, which stays open: closing a file ends the locks that the
/// process holds on it.
class File;
Status CopyUpTo(const File& from, const std::filesystem::path& to, std::uint64_t end,
                const CopyProgress& progress);

struct FileSum {
  std::uint64_t bytes = 0;
  std::uint64_t xxh3 = 0;  ///< Hash64 of the content
  friend bool operator==(const FileSum&, const FileSum&) = default;
};
Result<FileSum> SumFile(const std::filesystem::path& path, const CopyProgress& progress);

}  // namespace millrace
