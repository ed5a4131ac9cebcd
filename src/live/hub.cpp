#include "live/hub.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "catch_up.hpp"
#include "feed.hpp"
#include "log_place.hpp"
#include "subscriber.hpp"

namespace millrace::live {

class Hub::Impl {
 public:
  Impl(HubParts parts, HubOptions options)
      : parts_(parts),
        options_(options),
        counters_{parts.metrics.AddGauge("live_subscribers", "Live subscriptions open."),
                  parts.metrics.AddCounter("live_messages_total",
                                           "Messages sent to live subscribers."),
                  parts.metrics.AddCounter("live_slow_total",
                                           "Live subscribers cut for being slow.")},
        place_(parts_),
        catch_up_(parts_, options_, place_, counters_) {
    for (std::size_t i = 0; i < options_.workers; ++i) {
      workers_.emplace_back([this] { Work(); });
    }
  }

  ~Impl() { Stop(); }

  void Subscribe(Subscription subscription) {
    auto subscriber = std::make_shared<Subscriber>();
    subscriber->wanted = std::move(subscription);
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    subscriber->feed = FeedOf(subscriber->wanted);
    all_.insert(subscriber);
    counters_.subscribers.Set(static_cast<std::int64_t>(all_.size()));
    Enqueue(std::move(subscriber));
  }

  void Stop() {
    {
      const std::scoped_lock lock(mutex_);
      if (std::exchange(stopping_, true)) return;
    }
    place_.Stop();
    ready_.notify_all();
    for (auto& worker : workers_) worker.join();
    for (auto& [stream, feed] : feeds_) feed->Stop();
    const std::scoped_lock lock(mutex_);
    queue_.clear();
    all_.clear();
    counters_.subscribers.Set(0);
  }

 private:
  // With mutex_ held.
  std::shared_ptr<Feed> FeedOf(Subscription& wanted) {
    // The feed has it: a subscriber needs none of its own.
    auto collection = std::exchange(wanted.collection, {});
    auto& feed = feeds_[{wanted.tenant, collection.name}];
    if (!feed) {
      feed =
          std::make_shared<Feed>(parts_, counters_, wanted.tenant, std::move(collection));
    }
    return feed;
  }
  void Enqueue(SubscriberPtr subscriber) {
    queue_.push_back(std::move(subscriber));
    ready_.notify_one();
  }

  void Work() {
    while (auto subscriber = Take()) {
      const auto next = catch_up_.Step(subscriber, EventsOf(subscriber));
      if (next == CatchUp::Next::kPark) {
        Park(subscriber);
      } else if (next == CatchUp::Next::kAgain) {
        const std::scoped_lock lock(mutex_);
        Enqueue(std::move(subscriber));
      } else if (!subscriber->sink) {
        Forget(subscriber);  // it was never opened
      }
    }
  }

  SubscriberPtr Take() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return nullptr;
    auto subscriber = std::move(queue_.front());
    queue_.pop_front();
    return subscriber;
  }

  void Park(const SubscriberPtr& subscriber) {
    subscriber->parked = true;
    // It may have been drained before it was parked.
    if (subscriber->sink->unsent() < options_.room) Unpark(subscriber);
  }
  void Unpark(const SubscriberPtr& subscriber) {
    if (!subscriber->parked.exchange(false)) return;
    const std::scoped_lock lock(mutex_);
    Enqueue(subscriber);
  }

  /// Weak, or a subscriber and its connection would keep each other.
  SinkEvents EventsOf(const SubscriberPtr& subscriber) {
    if (subscriber->phase != Subscriber::Phase::kBegin) return {};
    const std::weak_ptr<Subscriber> weak = subscriber;
    return {[this, weak] {
              const auto held = weak.lock();
              if (held && held->parked) Unpark(held);
            },
            [this, weak] {
              if (const auto held = weak.lock()) Forget(held);
            },
            [weak]() -> std::optional<Version> {
              const auto held = weak.lock();
              if (!held || !held->joined) return std::nullopt;
              auto passed = std::max(held->joined_version, held->feed->passed());
              passed.ordinal = held->joined_version.ordinal;
              return passed;
            }};
  }

  void Forget(const SubscriberPtr& subscriber) {
    subscriber->closed = true;
    subscriber->feed->Left();
    const std::scoped_lock lock(mutex_);
    all_.erase(subscriber);
    counters_.subscribers.Set(static_cast<std::int64_t>(all_.size()));
  }

  const HubParts parts_;
  const HubOptions options_;
  Counters counters_;
  LogPlace place_;
  CatchUp catch_up_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable ready_;
  bool stopping_ = false;
  std::map<StreamId, std::shared_ptr<Feed>> feeds_;
  std::unordered_set<SubscriberPtr> all_;  ///< owns those that wait for room
  std::deque<SubscriberPtr> queue_;

  std::vector<std::thread> workers_;  ///< last: they use all of the above
};

Hub::Hub(HubParts parts, HubOptions options)
    : impl_(std::make_unique<Impl>(parts, options)) {}
Hub::~Hub() = default;
void Hub::Subscribe(Subscription subscription) {
  impl_->Subscribe(std::move(subscription));
}
void Hub::Stop() { impl_->Stop(); }

}  // namespace millrace::live
