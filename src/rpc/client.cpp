#include "rpc/client.hpp"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "link.hpp"
#include "packet.hpp"
#include "runtime/mailbox.hpp"

namespace millrace::rpc {
namespace {

using boost::system::error_code;
using internal::Link;
using Steady = Deadline::Steady;

/// `"17"` as a client of ours wrote it; 0 for anything else.
std::uint64_t NumberOf(std::string_view id) {
  std::uint64_t number = 0;
  if (id.size() > 2 && id.front() == '"') {
    std::from_chars(id.data() + 1, id.data() + id.size() - 1, number);
  }
  return number;
}

}  // namespace

class Client::Impl {
 public:
  Impl(ClientOptions options, telemetry::Logger& log)
      : options_(std::move(options)), log_(log) {
    for (std::size_t i = 0; i < options_.connections; ++i) {
      links_.push_back(std::make_unique<Link>(
          io_, options_,
          Link::Events{[this] { SendWaiting(); },
                       [this, i](std::string_view json) { return Take(i, json); },
                       [this, i](const Error& error) { OnDown(i, error); }}));
      links_.back()->Connect();
    }
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Impl() {
    io_.stop();
    thread_.join();
    const Error closing(ErrorCode::kUnavailable, "the client is closing");
    for (auto& letter : mailbox_.Close()) letter.done(std::unexpected(closing));
    for (auto& [id, call] : calls_) call.done(std::unexpected(closing));
  }

  void Post(std::string_view pattern, std::string_view data, Deadline deadline,
            Callback done) {
    const auto id = next_id_.fetch_add(1, std::memory_order_relaxed);
    mailbox_.Post({id, internal::RequestPacket(pattern, data, id, options_.service_token),
                   deadline, std::move(done)});
  }

 private:
  static constexpr std::size_t kWaiting = SIZE_MAX;

  struct Letter {
    std::uint64_t id;
    std::string packet;
    Deadline deadline;
    Callback done;
  };
  using Deadlines = std::multimap<Steady::time_point, std::uint64_t>;
  struct Call {
    Callback done;
    std::size_t link;    ///< or kWaiting
    std::string packet;  ///< while it waits
    Deadlines::iterator deadline;
  };

  void TakeLetters() {
    for (auto& letter : mailbox_.TakeAll()) Begin(std::move(letter));
  }

  void Begin(Letter letter) {
    const auto refuse = [&letter](ErrorCode code, std::string why) {
      letter.done(Fail(code, std::move(why)));
    };
    if (letter.deadline.expired()) {
      return refuse(ErrorCode::kDeadlineExceeded, "Timeout has occurred");
    }
    if (calls_.size() >= options_.in_flight) {
      return refuse(ErrorCode::kUnavailable, "too many calls are under way");
    }
    const auto link = Choose();
    if (!link) return refuse(ErrorCode::kUnavailable, "not connected: " + last_error_);
    if (!MayTry(letter.id)) {
      return refuse(ErrorCode::kUnavailable, "no answers: the circuit is open");
    }
    Call call{std::move(letter.done), *link, {}, {}};
    call.deadline = deadlines_.emplace(letter.deadline.at(), letter.id);
    if (*link == kWaiting) {
      call.packet = std::move(letter.packet);
    } else {
      links_[*link]->Send(letter.packet);
    }
    calls_.emplace(letter.id, std::move(call));
    ArmTimer();
  }

  /// Links that are up take turns; a call waits for one that will most likely be.
  std::optional<std::size_t> Choose() {
    bool hopeful = false;
    for (std::size_t n = 0; n < links_.size(); ++n) {
      const auto i = ++turn_ % links_.size();
      if (links_[i]->up()) return i;
      hopeful = hopeful || links_[i]->hopeful();
    }
    return hopeful ? std::optional(kWaiting) : std::nullopt;
  }

  /// While the circuit is open, one call at a time, with pauses.
  bool MayTry(std::uint64_t id) {
    if (timeouts_ < options_.timeouts_to_open) return true;
    if (trial_ != 0 || Steady::now() < try_again_at_) return false;
    trial_ = id;
    return true;
  }

  void SendWaiting() {
    for (auto& [id, call] : calls_) {
      if (call.link != kWaiting) continue;
      const auto link = Choose();
      if (!link || *link == kWaiting) return;
      call.link = *link;
      links_[*link]->Send(std::exchange(call.packet, {}));
    }
  }

  Status Take(std::size_t link, std::string_view json) {
    MR_TRY(auto packet, parser_.Parse(json));
    const auto found = calls_.find(NumberOf(packet.id));
    // Also an answer that came too late says that the server is alive again.
    if (!packet.id.empty()) {
      links_[link]->Praise();
      timeouts_ = 0;
      trial_ = 0;
    }
    if (found == calls_.end()) return {};
    const bool failed = !packet.err.empty() && packet.err != "null";
    auto& text = failed ? packet.err : packet.response;
    if (text.empty()) text = "null";
    Finish(found->first, Answer{failed, std::move(text)});
    return {};
  }

  void OnDown(std::size_t link, const Error& error) {
    if (last_error_ != error.message()) {
      log_.Warn("no connection to the rpc server",
                {{"host", options_.host}, {"port", options_.port}, {"error", error}});
    }
    last_error_ = error.message();
    const bool keep_waiting = Choose().has_value();
    std::vector<std::pair<std::uint64_t, bool>> lost;
    for (const auto& [id, call] : calls_) {
      if (call.link == link) lost.emplace_back(id, true);
      if (call.link == kWaiting && !keep_waiting) lost.emplace_back(id, false);
    }
    for (const auto& [id, sent] : lost) {
      Finish(id, sent ? Fail(ErrorCode::kDeadlineExceeded, "Connection closed")
                      : Fail(ErrorCode::kUnavailable, "not connected: " + last_error_));
    }
  }

  void Finish(std::uint64_t id, Result<Answer> result) {
    auto node = calls_.extract(id);
    if (node.empty()) return;
    deadlines_.erase(node.mapped().deadline);
    if (trial_ == id) trial_ = 0;
    node.mapped().done(std::move(result));
  }

  void ArmTimer() {
    if (deadlines_.empty() || timer_.expiry() == deadlines_.begin()->first) return;
    timer_.expires_at(deadlines_.begin()->first);
    timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) EndLateCalls();
    });
  }

  void EndLateCalls() {
    const auto now = Steady::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const auto id = deadlines_.begin()->second;
      if (++timeouts_ == options_.timeouts_to_open) {
        log_.Warn("the rpc server takes calls and answers none",
                  {{"port", options_.port}});
      }
      if (timeouts_ >= options_.timeouts_to_open) {
        try_again_at_ = now + options_.backoff_max;
      }
      Finish(id, Fail(ErrorCode::kDeadlineExceeded, "Timeout has occurred"));
    }
    ArmTimer();
  }

  const ClientOptions options_;
  telemetry::Logger& log_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  runtime::Mailbox<Letter> mailbox_{
      [this] { boost::asio::post(io_, [this] { TakeLetters(); }); }};
  std::atomic<std::uint64_t> next_id_{1};

  // The client's thread only.
  internal::PacketParser parser_;
  std::vector<std::unique_ptr<Link>> links_;
  std::unordered_map<std::uint64_t, Call> calls_;
  Deadlines deadlines_;
  boost::asio::steady_timer timer_{io_};
  std::size_t turn_ = 0;
  std::size_t timeouts_ = 0;  ///< in a row
  std::uint64_t trial_ = 0;   ///< the call that tries whether the server answers again
  Steady::time_point try_again_at_;
  std::string last_error_ = "connecting";
  std::thread thread_;
};

Client::Client(ClientOptions options, telemetry::Logger& log)
    : impl_(std::make_unique<Impl>(std::move(options), log)) {}
Client::~Client() = default;

void Client::Call(std::string_view pattern, std::string_view data, Deadline deadline,
                  Callback done) {
  impl_->Post(pattern, data, deadline, std::move(done));
}

}  // namespace millrace::rpc
