#include "cache_embedded/memory_cache.hpp"

#include <deque>
#include <mutex>
#include <utility>

#include "recent_map.hpp"

namespace millrace::cache {
namespace {

constexpr std::uint64_t kMaxLimit = 1'000'000;

struct Kept {
  std::string value;
  Lifetime until;
};

struct Taken {
  std::deque<Lifetime> at;
  Lifetime blocked_until{0};
};

class MemoryCache final : public Cache {
 public:
  MemoryCache(MemoryCacheOptions options, SteadyTime now)
      : now_(std::move(now)),
        values_(options.value_bytes),
        counts_(options.count_bytes) {}

  Result<std::optional<std::string>> Get(std::string_view key) override {
    const std::scoped_lock lock(mutex_);
    const auto* kept = values_.Find(key);
    if (kept == nullptr) return std::nullopt;
    if (kept->until > now_()) return kept->value;
    values_.Remove(key);
    return std::nullopt;
  }

  Status Put(std::string_view key, std::string_view value, Lifetime lifetime) override {
    const std::scoped_lock lock(mutex_);
    values_.Remove(key);
    if (values_.Cost(key, value.size()) > values_.limit()) {
      return Fail(ErrorCode::kTooLarge, "a value of " + std::to_string(value.size()) +
                                            " bytes is larger than the cache");
    }
    values_.Add(key, {std::string(value), now_() + lifetime}, value.size());
    return {};
  }

  Status Remove(std::string_view key) override {
    const std::scoped_lock lock(mutex_);
    values_.Remove(key);
    return {};
  }

  Result<Allowance> Take(std::string_view key, const Rate& rate) override {
    if (rate.limit == 0 || rate.limit > kMaxLimit || rate.window <= Lifetime{0} ||
        rate.block < Lifetime{0}) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a rate is 1 to 1,000,000 in a window longer than 0");
    }
    const std::scoped_lock lock(mutex_);
    auto* taken = counts_.Find(key);
    if (taken == nullptr) taken = &counts_.Add(key, {}, 0);
    const auto allowance = Take(*taken, rate, now_());
    counts_.ResizeLast(taken->at.size() * sizeof(Lifetime));
    return allowance;
  }

  Status GiveBack(std::string_view key) override {
    const std::scoped_lock lock(mutex_);
    auto* taken = counts_.Find(key);
    if (taken == nullptr || taken->at.empty()) return {};
    taken->at.pop_back();
    if (taken->at.empty() && taken->blocked_until <= now_()) {
      counts_.Remove(key);
      return {};
    }
    counts_.ResizeLast(taken->at.size() * sizeof(Lifetime));
    return {};
  }

 private:
  static Allowance Take(Taken& taken, const Rate& rate, Lifetime now) {
    if (taken.blocked_until > now) {
      return {false, 0, taken.blocked_until - now, taken.blocked_until - now};
    }
    while (!taken.at.empty() && taken.at.front() + rate.window <= now) {
      taken.at.pop_front();
    }
    if (taken.at.size() < rate.limit) {
      taken.at.push_back(now);
      return {true, rate.limit - taken.at.size(), taken.at.front() + rate.window - now,
              Lifetime{0}};
    }
    if (rate.block > Lifetime{0}) {
      taken.at.clear();
      taken.blocked_until = now + rate.block;
      return {false, 0, rate.block, rate.block};
    }
    const auto wait = taken.at.front() + rate.window - now;
    return {false, 0, wait, wait};
  }

  const SteadyTime now_;
  std::mutex mutex_;
  RecentMap<Kept> values_;
  RecentMap<Taken> counts_;
};

}  // namespace

SteadyTime MachineTime() {
  return [] {
    return std::chrono::duration_cast<Lifetime>(
        std::chrono::steady_clock::now().time_since_epoch());
  };
}

std::unique_ptr<Cache> MakeMemoryCache(MemoryCacheOptions options, SteadyTime now) {
  return std::make_unique<MemoryCache>(options, std::move(now));
}

}  // namespace millrace::cache
