#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog_embedded/embedded_event_log.hpp"
#include "stream_log.hpp"

namespace millrace::eventlog {

/// Who still reads what, and what goes when the log is at its limit. Any thread.
class Retention final : public RoomKeeper {
 public:
  using ListStreamLogs = std::function<std::vector<std::shared_ptr<StreamLog>>()>;

  Retention(const EmbeddedOptions& options, const Counters& counters, ListStreamLogs list)
      : max_bytes_(options.max_bytes),
        on_full_(options.on_full),
        only_copies_(options.only_copies),
        captured_(options.captured),
        counters_(counters),
        list_(std::move(list)) {}

  void SetReader(const std::string& reader, const StreamId& stream, Offset durable_next);
  void RemoveReader(const std::string& reader, const StreamId& stream);

  /// Streams `_snapshot.…` are apart: what they hold is in the record store as well, is
  /// read once, and must be whole. They are neither refused nor counted; what was read of
  /// them goes first.
  ///
  /// Drops closed segments, oldest first, until `bytes` more of `stream` fit: first those
  /// that no reader needs, then, if so set for both streams, those that one does. Where
  /// the stream is not to be refused, what still does not fit is written all the same.
  Status MakeRoom(const StreamId& stream, std::uint64_t bytes) override;

 private:
  struct Victim {
    std::shared_ptr<StreamLog> log;
    bool needed = false;
    std::int64_t written_at = 0;
  };

  static bool IsSnapshot(const StreamId& stream) {
    return stream.name.starts_with("_snapshot.");
  }
  Status DropReadSnapshots();
  bool FitsWithAll(std::uint64_t bytes) const;
  bool Fits(std::uint64_t bytes) const;  ///< without snapshots
  /// Whether appends to the stream are refused before anything unread of it goes.
  bool Keeps(const StreamId& stream) const;
  bool Keeps(const StreamLog& log) const;
  /// Unread ones only for a stream that may have them dropped.
  std::optional<Victim> FindVictim(bool unread_too) const;
  bool Needed(const StreamLog& log, Offset end) const;

  const std::uint64_t max_bytes_;
  const OnFull on_full_;
  const std::set<std::string, std::less<>> only_copies_;
  const std::string captured_;
  const Counters& counters_;
  const ListStreamLogs list_;
  std::mutex room_mutex_;  ///< one thread drops at a time
  mutable std::mutex readers_mutex_;
  std::map<StreamId, std::map<std::string, Offset>> readers_;
};

}  // namespace millrace::eventlog
