#include "file_window.hpp"

#include <algorithm>

namespace millrace::eventlog {

Result<std::string_view> FileWindow::View(std::uint64_t position, std::uint64_t size) {
  if (position >= end_) return std::string_view();
  size = std::min(size, end_ - position);
  const bool held = position >= buffer_at_ && position - buffer_at_ <= buffer_.size() &&
                    buffer_.size() - (position - buffer_at_) >= size;
  if (!held) {
    const auto wanted = std::min(std::max<std::uint64_t>(size, chunk_), end_ - position);
    buffer_.resize(wanted);
    buffer_at_ = position;
    auto got = file_.ReadAt(position, buffer_.data(), wanted);
    buffer_.resize(got.value_or(0));
    if (!got) return std::unexpected(std::move(got).error());
  }
  return std::string_view(buffer_).substr(position - buffer_at_, size);
}

}  // namespace millrace::eventlog
