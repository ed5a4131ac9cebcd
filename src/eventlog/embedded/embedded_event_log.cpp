#include "eventlog_embedded/embedded_event_log.hpp"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/file.hpp"
#include "retention.hpp"
#include "stream_log.hpp"
#include "stream_path.hpp"

namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMinSegmentBytes = 4096;
constexpr std::uint64_t kMaxSegmentBytes = 1u << 30u;
constexpr std::chrono::milliseconds kReadOnlyLook(100);

Status CheckSource(const std::string& source) {
  if (!source.empty() && source.size() <= kMaxNameBytes) return {};
  return Fail(ErrorCode::kInvalidArgument, "name of a source must have 1 to " +
                                               std::to_string(kMaxNameBytes) + " bytes");
}

Status CheckBatch(const EventBatch& batch) {
  MR_CHECK_OK(CheckStream(batch.stream));
  MR_CHECK_OK(CheckSource(batch.source));
  if (batch.bodies.empty())
    return Fail(ErrorCode::kInvalidArgument, "batch without events");
  if (batch.upto <= batch.after) {
    return Fail(ErrorCode::kInvalidArgument, "`upto` must be above `after`");
  }
  std::uint64_t bytes = 0;
  for (const auto body : batch.bodies) {
    if (body.size() > kMaxBodyBytes) {
      return Fail(ErrorCode::kInvalidArgument, "event of " + std::to_string(body.size()) +
                                                   " bytes, at most " +
                                                   std::to_string(kMaxBodyBytes));
    }
    bytes += body.size() + sizeof(std::uint32_t);
  }
  if (bytes > kMaxBatchBytes) {
    return Fail(ErrorCode::kInvalidArgument, "batch of " + std::to_string(bytes) +
                                                 " bytes, at most " +
                                                 std::to_string(kMaxBatchBytes));
  }
  return {};
}

Deadline Sooner(Deadline deadline, std::chrono::milliseconds wait) {
  const auto within = Deadline::After(wait);
  return within.at() < deadline.at() ? within : deadline;
}

class SegmentEventLog final : public EmbeddedEventLog {
 public:
  SegmentEventLog(const EmbeddedOptions& options, bool read_only, File lock)
      : lock_(std::move(lock)),
        retention_(options, context_.counters, [this] { return StreamLogs(); }) {
    context_.directory = options.directory;
    context_.segment_bytes = options.segment_bytes;
    context_.preallocate_bytes = options.preallocate_bytes;
    context_.read_only = read_only;
    context_.room = &retention_;
  }

  /// Before any other call.
  Status RecoverAll() {
    MR_TRY(const auto streams, ListStreams(context_.directory));
    for (const auto& stream : streams) {
      auto log = std::make_shared<StreamLog>(context_, stream);
      auto recovered = log->Recover();
      // A tool shows what can be read; a server must not go on.
      if (!recovered && !context_.read_only) return recovered;
      logs_.emplace(stream, std::move(log));
    }
    return {};
  }

  Result<Offset> Append(const EventBatch& batch, Deadline deadline) override {
    if (context_.read_only) {
      return Fail(ErrorCode::kInvalidArgument, "the log is open for reading only");
    }
    MR_CHECK_OK(CheckBatch(batch));
    auto appended = FindOrAdd(batch.stream)->Append(batch, deadline);
    if (!appended) {
      return Fail(std::move(appended).error().During("append to " + batch.stream.name));
    }
    return appended;
  }

  Result<Position> LastPosition(const StreamId& stream,
                                const std::string& source) override {
    MR_CHECK_OK(CheckStream(stream));
    MR_TRY(const auto log, LookUp(stream));
    return log == nullptr ? Position{} : log->LastPosition(source);
  }

  Result<RecordBatch> Read(const StreamId& stream, Offset from, std::uint32_t max_records,
                           std::uint64_t max_bytes) override {
    MR_CHECK_OK(CheckStream(stream));
    auto log = Find(stream);
    if (context_.read_only && (log == nullptr || from >= log->Info().next)) {
      MR_TRY(log, LookUp(stream));
    }
    // An unknown stream answers like an empty one.
    if (log == nullptr) log = std::make_shared<StreamLog>(context_, stream);
    return log->Read(from, max_records, max_bytes);
  }

  Result<RecordBatch> Find(const StreamId& stream, const std::string& source,
                           const Position& position) override {
    MR_CHECK_OK(CheckStream(stream));
    MR_CHECK_OK(CheckSource(source));
    if (position == Position{}) {
      return Fail(ErrorCode::kInvalidArgument, "no event has the position 0");
    }
    MR_TRY(const auto log, LookUp(stream));
    return log == nullptr ? RecordBatch() : log->Find(source, position);
  }

  Result<std::vector<StreamInfo>> Streams() override {
    if (context_.read_only) {
      MR_TRY(const auto streams, ListStreams(context_.directory));
      for (const auto& stream : streams) MR_CHECK_OK(LookUp(stream));
    }
    std::vector<StreamInfo> infos;
    for (const auto& log : StreamLogs()) {
      if (auto info = log->Info(); info.next > 0) infos.push_back(std::move(info));
    }
    return infos;
  }

  Result<StreamInfo> Stream(const StreamId& stream) override {
    MR_CHECK_OK(CheckStream(stream));
    MR_TRY(const auto log, LookUp(stream));
    return log == nullptr ? StreamInfo{stream} : log->Info();
  }

  bool WaitFor(const StreamId& stream, Offset beyond, Deadline deadline) override {
    if (!CheckStream(stream)) return false;
    const auto log = FindOrAdd(stream);
    if (!context_.read_only) return log->WaitFor(beyond, deadline);
    while (true) {
      // What the server does cannot wake us.
      if (!log->Refresh()) return false;
      if (log->WaitFor(beyond, Sooner(deadline, kReadOnlyLook))) return true;
      if (deadline.expired() || context_.interrupted) return false;
    }
  }

  void Interrupt(const StreamId* stream) override {
    if (stream != nullptr) {
      if (CheckStream(*stream)) FindOrAdd(*stream)->Interrupt();
      return;
    }
    context_.interrupted = true;
    for (const auto& log : StreamLogs()) log->WakeWaiters();
  }

  void SetReader(const std::string& reader, const StreamId& stream,
                 Offset durable_next) override {
    retention_.SetReader(reader, stream, durable_next);
  }
  void RemoveReader(const std::string& reader, const StreamId& stream) override {
    retention_.RemoveReader(reader, stream);
  }

  EmbeddedStats Stats() const override {
    const auto& c = context_.counters;
    return {c.appended_events, c.appended_bytes, c.written_bytes, c.appended_batches,
            c.syncs,           c.read_events,    c.read_bytes,    c.dropped_segments,
            c.failed_streams,  c.stored_bytes};
  }

  Status CopyTo(const fs::path& directory, const CopyProgress& progress) override {
    MR_CHECK_OK(MakeDirs(directory));
    for (const auto& log : StreamLogs()) MR_CHECK_OK(log->CopyTo(directory, progress));
    return SyncDir(directory);
  }

 private:
  using LogPtr = std::shared_ptr<StreamLog>;

  LogPtr Find(const StreamId& stream) const {
    const std::shared_lock lock(mutex_);
    const auto found = logs_.find(stream);
    return found == logs_.end() ? nullptr : found->second;
  }
  LogPtr FindOrAdd(const StreamId& stream) {
    if (auto log = Find(stream)) return log;
    const std::unique_lock lock(mutex_);
    auto& log = logs_[stream];
    if (log == nullptr) log = std::make_shared<StreamLog>(context_, stream);
    return log;
  }
  /// Find, with a look at the disk in read-only mode.
  Result<LogPtr> LookUp(const StreamId& stream) {
    if (!context_.read_only) return Find(stream);
    auto log = FindOrAdd(stream);
    MR_CHECK_OK(log->Refresh());
    return log;
  }
  std::vector<LogPtr> StreamLogs() const {
    const std::shared_lock lock(mutex_);
    std::vector<LogPtr> logs;
    for (const auto& [stream, log] : logs_) logs.push_back(log);
    return logs;
  }

  File lock_;  ///< held by this process as long as the log is open
  StreamContext context_;
  Retention retention_;
  mutable std::shared_mutex mutex_;
  // shared_ptr: the map, and retention while it drops.
  std::map<StreamId, LogPtr> logs_;
};

Result<File> TakeLock(const fs::path& directory) {
  MR_TRY(auto lock, File::OpenReadWrite(directory / ".lock"));
  if (flock(lock.fd(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Fail(ErrorCode::kConflict,
                "another process has the log open: " + directory.string());
  }
  return Fail(SystemError("lock", lock.path(), errno));
}

}  // namespace

Result<std::unique_ptr<EmbeddedEventLog>> OpenEmbedded(EmbeddedOptions options) {
  if (options.segment_bytes < kMinSegmentBytes ||
      options.segment_bytes > kMaxSegmentBytes) {
    return Fail(ErrorCode::kInvalidArgument, "log.segment_bytes must be 4 KiB to 1 GiB");
  }
  if (options.max_bytes != 0 && options.max_bytes < 2 * options.segment_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "log.max_bytes must hold two segments, " +
                    std::to_string(2 * options.segment_bytes) + " bytes");
  }
  MR_CHECK_OK(MakeDirs(options.directory));
  MR_TRY(auto lock, TakeLock(options.directory));
  auto log = std::make_unique<SegmentEventLog>(options, false, std::move(lock));
  MR_CHECK_OK(log->RecoverAll());
  return log;
}

Result<std::unique_ptr<EmbeddedEventLog>> OpenEmbeddedReadOnly(fs::path directory) {
  std::error_code failed;
  if (!fs::is_directory(directory, failed)) {
    return Fail(ErrorCode::kNotFound, "no log in " + directory.string());
  }
  EmbeddedOptions options;
  options.directory = std::move(directory);
  auto log = std::make_unique<SegmentEventLog>(options, true, File());
  MR_CHECK_OK(log->RecoverAll());
  return log;
}

}  // namespace millrace::eventlog
