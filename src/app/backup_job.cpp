#include "backup_job.hpp"

#include "base/json_member.hpp"
#include "collection_json.hpp"

namespace millrace::app {
void BackupJob::Stop() {
  state_.cancel = true;
  if (thread_.joinable()) thread_.join();
}

Status BackupJob::Start(const std::filesystem::path& to) {
  const std::scoped_lock lock(mutex_);
  if (running_) {
    return Fail(ErrorCode::kFenced, "a backup to " + to_.string() + " is under way");
  }
  if (!to.is_absolute()) {
    return Fail(ErrorCode::kInvalidArgument, "the directory of a backup is absolute");
  }
  if (thread_.joinable()) thread_.join();
  to_ = to;
  result_.reset();
  state_.done_bytes = state_.total_bytes = 0;
  running_ = true;
  thread_ = std::thread([this] { Run(); });
  return {};
}

void BackupJob::Run() {
  auto result = BackUp(source_, to_, state_);
  const std::scoped_lock lock(mutex_);
  result_ = std::move(result);
  running_ = false;
}

std::string BackupJob::Json() const {
  const std::scoped_lock lock(mutex_);
  if (!running_ && !result_) return R"({"state":"none"})";
  std::string out = running_   ? R"({"state":"running")"
                    : *result_ ? R"({"state":"done")"
                               : R"({"state":"failed")";
  AppendMember(out, "to", to_.string());
  AppendMember(out, "done_bytes", state_.done_bytes);
  AppendMember(out, "total_bytes", state_.total_bytes);
  if (result_ && *result_) {
    AppendMember(out, "files", (*result_)->files);
    AppendMember(out, "bytes", (*result_)->bytes);
  } else if (result_) {
    AppendMember(out, "code", static_cast<std::uint64_t>(result_->error().code()));
    AppendMember(out, "error", result_->error().message());
  }
  return out += '}';
}

std::optional<Result<BackupReport>> ParseBackupJson(std::string_view json,
                                                    CopyState& state) {
  const auto what = TextMember(json, "state");
  state.done_bytes = NumberMember(json, "done_bytes");
  state.total_bytes = NumberMember(json, "total_bytes");
  if (what == "running") return std::nullopt;
  if (what == "done") {
    return BackupReport{NumberMember(json, "files"), NumberMember(json, "bytes")};
  }
  if (what == "failed") {
    return Fail(static_cast<ErrorCode>(NumberMember(json, "code")),
                TextMember(json, "error"));
  }
  return Fail(ErrorCode::kUnavailable, "the server was restarted during the backup");
}

}  // namespace millrace::app
