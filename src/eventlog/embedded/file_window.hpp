#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace millrace::eventlog {

/// A buffered view that moves through a file, forwards mostly. Holds one chunk, or as
/// much as the largest piece asked for.
class FileWindow {
 public:
  /// Reads `file`, which must outlive it, up to position `end`.
  FileWindow(const File& file, std::uint64_t end, std::size_t chunk)
      : file_(file), end_(end), chunk_(chunk) {}

  /// Bytes position..position+size; fewer only at the end. Valid until the next call.
  Result<std::string_view> View(std::uint64_t position, std::uint64_t size);
  std::uint64_t end() const { return end_; }

 private:
  const File& file_;
  std::uint64_t end_;
  std::size_t chunk_;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
};

}  // namespace millrace::eventlog
