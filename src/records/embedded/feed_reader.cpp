#include "feed_reader.hpp"

#include <utility>

namespace millrace::records {
namespace {

std::string Text(Position position) {
  return std::to_string(position.high) + ":" + std::to_string(position.low);
}

}  // namespace

Result<ChangeBatch> FeedReader::Read(Position after, std::uint64_t trimmed,
                                     std::uint32_t max_rows, std::uint64_t max_bytes) {
  if (after == Position{}) after = {epoch_, 0};  // "from the very first"
  const auto end = tail_.End();
  // Sequences go on over epochs: a position of an earlier one is known, too.
  if (after.high > epoch_ || after.low > end.low) {
    return Fail(ErrorCode::kOutOfRange, "position " + Text(after) +
                                            " is not one of this source, which ends at " +
                                            Text(end));
  }
  if (after.low < trimmed) {
    return Fail(ErrorCode::kOutOfRange, "changes up to " + std::to_string(trimmed) +
                                            " are trimmed, asked for those after " +
                                            std::to_string(after.low));
  }
  if (auto batch = tail_.Read(after.low, max_rows, max_bytes)) return std::move(*batch);
  return ReadFile(after.low, end.low, max_rows, max_bytes);
}

Result<ChangeBatch> FeedReader::ReadFile(std::uint64_t after, std::uint64_t end,
                                         std::uint32_t max_rows,
                                         std::uint64_t max_bytes) {
  const std::scoped_lock lock(mutex_);
  if (!connection_) {
    MR_TRY(auto db, Database::Open(file_, {.mode = Database::Mode::kReader}));
    MR_TRY(auto changes, ChangeReader::Prepare(db));
    connection_.emplace(std::move(db), std::move(changes));
  }
  MR_TRY(auto batch, connection_->changes.Read(after, end, max_rows, max_bytes));
  // Sequences have no gaps: a change that is missing was trimmed while we came here.
  std::uint64_t expected = after;
  for (const auto& change : batch.changes) {
    if (change.position.low == ++expected) continue;
    return Fail(ErrorCode::kOutOfRange,
                "change " + std::to_string(expected) + " is trimmed");
  }
  if (batch.changes.empty() && after < end) {
    return Fail(ErrorCode::kOutOfRange,
                "change " + std::to_string(after + 1) + " is not there any more");
  }
  return batch;
}

}  // namespace millrace::records
