#include "eventlog/event_log.hpp"

#include <utility>

namespace millrace::eventlog {

void RecordBatch::Limit(std::uint32_t max_records, std::uint64_t max_bytes) {
  std::size_t count = 0;
  for (std::uint64_t bytes = 0; count < records_.size(); ++count) {
    if (count > 0 && (count >= max_records || bytes >= max_bytes)) break;
    bytes += records_[count].body.size();
  }
  const auto beyond = records_.begin() + static_cast<std::ptrdiff_t>(count);
  rest_.insert(rest_.begin(), beyond, records_.end());
  records_.erase(beyond, records_.end());
}

RecordBatch RecordBatch::TakeRest() { return {next(), bytes_, std::exchange(rest_, {})}; }

}  // namespace millrace::eventlog
