#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "records/record_store.hpp"

namespace millrace::records {

/// Requests on their way to the one writer. Bounded by requests and by bytes; what is
/// over the bound travels on beside the queue, without its documents, so that the writer
/// answers it like all others. Any thread adds, one takes.
class WriteQueue {
 public:
  WriteQueue(std::size_t max_requests, std::uint64_t max_bytes)
      : max_requests_(max_requests), max_bytes_(max_bytes) {}

  void Add(WriteRequest request);
  /// Wakes the writer, as for a request.
  void Nudge();
  /// No more requests are taken; the writer gets what is there, then knows the end.
  void Close();

  struct Taken {
    std::vector<WriteRequest> requests;
    std::vector<WriteRequest> refused;  ///< over the bound, or after Close
    bool nudged = false;
    bool closed = false;  ///< and nothing is left
  };
  /// Waits for a request, a nudge, the close, or `until`.
  Taken Take(std::size_t max_requests, std::uint64_t max_bytes,
             std::optional<std::chrono::steady_clock::time_point> until);
  std::size_t size() const;

 private:
  struct Item {
    WriteRequest request;
    std::uint64_t bytes = 0;
  };
  const std::size_t max_requests_;
  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::uint64_t bytes_ = 0;
  std::vector<WriteRequest> refused_;
  bool nudged_ = false;
  bool closed_ = false;
};

}  // namespace millrace::records
