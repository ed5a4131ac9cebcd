#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "change_table.hpp"
#include "change_tail.hpp"
#include "records/change_feed.hpp"
#include "sqlite.hpp"

namespace millrace::records {

/// ChangeFeed::Read: from the tail in memory, else from the file on a connection that is
/// opened when first needed.
class FeedReader {
 public:
  FeedReader(std::filesystem::path file, const ChangeTail& tail, std::uint64_t epoch)
      : file_(std::move(file)), tail_(tail), epoch_(epoch) {}

  /// `trimmed`: changes up to here are gone from the file.
  Result<ChangeBatch> Read(Position after, std::uint64_t trimmed, std::uint32_t max_rows,
                           std::uint64_t max_bytes);

 private:
  Result<ChangeBatch> ReadFile(std::uint64_t after, std::uint64_t end,
                               std::uint32_t max_rows, std::uint64_t max_bytes);
  struct Connection {
    Database db;
    ChangeReader changes;
  };

  const std::filesystem::path file_;
  const ChangeTail& tail_;
  const std::uint64_t epoch_;
  std::mutex mutex_;
  std::optional<Connection> connection_;
};

}  // namespace millrace::records
