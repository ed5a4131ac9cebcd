#include "operation_sender.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "change/sums.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kQueueMax = 64;
constexpr std::size_t kRefusalsKept = 20;
constexpr std::string_view kSource = "records";
constexpr std::chrono::milliseconds kAnswerWithin{30'000};
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{1'000};

std::string TargetOf(const Operation& operation) {
  std::string target = "/api/collections/";
  http::AppendPercentEncoded(target, operation.collection);
  target += "/records";
  if (operation.method != http::Method::kPost) {
    target += '/';
    http::AppendPercentEncoded(target, operation.key);
  }
  return target;
}

/// Worth a repetition: nobody answered, or the server cannot just now.
bool Transient(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504 ||
         status == 507;
}

/// One connection with its queue and thread.
class Lane {
 public:
  Lane(const SenderOptions& options, std::atomic<std::uint64_t>& answered)
      : options_(options), answered_(answered), thread_([this] { Loop(); }) {}

  ~Lane() { Close(); }

  Status Add(Operation operation) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.size() < kQueueMax || failure_; });
    if (failure_) return Fail(*failure_);
    queue_.push_back(std::move(operation));
    changed_.notify_all();
    return {};
  }

  /// Sends what is queued, then ends.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  const std::optional<Error>& failure() const { return failure_; }
  SendSummary summary;  ///< of this lane; read after Close

 private:
  void Loop() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const Operation operation = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      changed_.notify_all();
      if (auto sent = SendUntilAnswered(operation); !sent) return GiveUp(sent.error());
      answered_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void GiveUp(const Error& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error;
    queue_.clear();
    changed_.notify_all();
  }

  Status SendUntilAnswered(const Operation& operation) {
    const auto until = Deadline::After(options_.retry_for);
    auto pause = kFirstPause;
    for (;;) {
      auto response = SendOnce(operation);
      if (response && !Transient(response->status)) {
        Count(operation, *response);
        return {};
      }
      if (until.expired()) return Fail(GaveUp(operation, response));
      ++summary.retried;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  static Error GaveUp(const Operation& operation,
                      const Result<http::ClientResponse>& response) {
    const std::string row = "row " + std::to_string(operation.row) + ": ";
    if (!response) return Error(response.error()).During(row + "no answer");
    return Error(
        ErrorCode::kUnavailable,
        row + "still " + std::to_string(response->status) + ": " + response->body);
  }

  Result<http::ClientResponse> SendOnce(const Operation& operation) {
    const auto deadline = Deadline::After(kAnswerWithin);
    if (!client_) {
      MR_TRY(auto client, http::Client::Connect(options_.server, deadline));
      client_.emplace(std::move(client));
    }
    const http::Client::Headers headers = {
        {"Idempotency-Key",
         options_.idempotency_prefix + "-" + std::to_string(operation.row)}};
    return client_->Send(operation.method, TargetOf(operation), operation.body, headers,
                         deadline);
  }

  void Count(const Operation& operation, const http::ClientResponse& response) {
    ++summary.operations;
    if (response.status >= 300) {
      ++summary.refused;
      if (options_.on_refusal) {
        options_.on_refusal({operation.row, response.status, response.body});
      }
      if (summary.refusals.size() < kRefusalsKept) {
        summary.refusals.push_back({operation.row, response.status, response.body});
      }
      return;
    }
    if (!response.Header("idempotent-replayed").empty()) ++summary.replayed;
    auto& acknowledged = summary.collections[operation.collection];
    ++acknowledged.changes;
    if (response.status == 204) {
      ++acknowledged.deletes;
      return;
    }
    const auto version = Version::Parse(response.Header("x-millrace-position"));
    change::Sum sum;
    if (version) sum.AddChange(kSource, *version, response.body);
    acknowledged.hash += sum.hash;
  }

  const SenderOptions& options_;
  std::atomic<std::uint64_t>& answered_;
  std::optional<http::Client> client_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<Operation> queue_;
  bool closing_ = false;
  std::optional<Error> failure_;

  std::thread thread_;  ///< last: it uses all of the above
};

void Merge(SendSummary& into, SendSummary& from) {
  into.operations += from.operations;
  into.refused += from.refused;
  into.retried += from.retried;
  into.replayed += from.replayed;
  for (const auto& [name, sum] : from.collections) {
    auto& total = into.collections[name];
    total.changes += sum.changes;
    total.hash += sum.hash;
    total.deletes += sum.deletes;
  }
  for (auto& refusal : from.refusals) into.refusals.push_back(std::move(refusal));
}

}  // namespace

std::string SendSummary::ToJson() const {
  std::string out = "{\"operations\":";
  AppendUint(out, operations);
  out += ",\"refused\":";
  AppendUint(out, refused);
  out += ",\"retried\":";
  AppendUint(out, retried);
  out += ",\"replayed\":";
  AppendUint(out, replayed);
  out += ",\"seconds\":";
  AppendDouble(out, seconds);
  out += ",\"collections\":{";
  bool first = true;
  for (const auto& [name, sum] : collections) {
    if (!first) out += ',';
    first = false;
    AppendJsonKey(out, name);
    out += "{\"accepted\":";
    AppendUint(out, sum.changes);
    out += ",\"deletes\":";
    AppendUint(out, sum.deletes);
    out += ",\"hash\":\"";
    AppendHex(out, sum.hash, 16);
    out += "\"}";
  }
  out += "},\"refusals\":[";
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    out += i == 0 ? "{\"row\":" : ",{\"row\":";
    AppendUint(out, refusals[i].row);
    out += ",\"status\":";
    AppendInt(out, refusals[i].status);
    out += ",\"answer\":";
    AppendJsonString(out, refusals[i].answer);
    out += '}';
  }
  out += "]}";
  return out;
}

class OperationSender::Impl {
 public:
  explicit Impl(SenderOptions options)
      : options_(std::move(options)), started_(std::chrono::steady_clock::now()) {
    for (std::uint32_t i = 0; i < std::max(1u, options_.connections); ++i) {
      lanes_.push_back(std::make_unique<Lane>(options_, answered_));
    }
  }

  Status Add(Operation operation) {
    Pace();
    const auto seed = Hash64(operation.collection);
    const auto hash = operation.key.empty() ? operation.row : Hash64(operation.key, seed);
    return lanes_[hash % lanes_.size()]->Add(std::move(operation));
  }

  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }

  Result<SendSummary> Finish() {
    SendSummary total;
    std::optional<Error> failure;
    for (auto& lane : lanes_) {
      lane->Close();
      if (lane->failure() && !failure) failure = lane->failure();
      Merge(total, lane->summary);
    }
    if (failure) return Fail(*failure);
    std::ranges::sort(total.refusals, {}, &Refusal::row);
    if (total.refusals.size() > kRefusalsKept) {
      total.refusals.erase(total.refusals.begin() + kRefusalsKept, total.refusals.end());
    }
    total.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_)
            .count();
    return total;
  }

 private:
  /// Open loop: the n-th operation is due n / rate after the start, however slow the
  /// answers are.
  void Pace() {
    ++added_;
    if (options_.rate <= 0) return;
    const std::chrono::duration<double> due(static_cast<double>(added_) / options_.rate);
    std::this_thread::sleep_until(
        started_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
  }

  const SenderOptions options_;
  const std::chrono::steady_clock::time_point started_;
  std::uint64_t added_ = 0;
  std::atomic<std::uint64_t> answered_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

OperationSender::OperationSender(SenderOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
OperationSender::~OperationSender() = default;
Status OperationSender::Add(Operation operation) {
  return impl_->Add(std::move(operation));
}
std::uint64_t OperationSender::answered() const { return impl_->answered(); }
Result<SendSummary> OperationSender::Finish() { return impl_->Finish(); }

}  // namespace millrace::app
