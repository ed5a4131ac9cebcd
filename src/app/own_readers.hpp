#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "eventlog/event_log.hpp"

namespace millrace::app {

/// The readers of a replay beside those of the same names that run.
class OwnReaders final : public eventlog::LogRetention {
 public:
  explicit OwnReaders(eventlog::LogRetention& log) : log_(log) {}
  ~OwnReaders() override {
    for (const auto& [reader, stream] : readers_) log_.RemoveReader(reader, stream);
  }
  void SetReader(const std::string& reader, const StreamId& stream,
                 Offset durable_next) override {
    const std::string own = "replay:" + reader;
    {
      const std::lock_guard lock(mutex_);
      readers_.emplace(own, stream);
    }
    log_.SetReader(own, stream, durable_next);
  }
  void RemoveReader(const std::string& reader, const StreamId& stream) override {
    log_.RemoveReader("replay:" + reader, stream);
  }

 private:
  eventlog::LogRetention& log_;
  std::mutex mutex_;
  std::set<std::pair<std::string, StreamId>> readers_;
};

}  // namespace millrace::app
