#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::telemetry {

/// Label names and values of one series. They are given when the series is registered, so
/// a request can never add one: names from the code, values from settings or enums only.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A number that only rises. Any thread; one relaxed atomic add.
class Counter {
 public:
  void Add(std::uint64_t amount = 1) {
    value_.fetch_add(amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. Any thread.
class Gauge {
 public:
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts values in buckets of powers of two from 2^first_bit raw units on. Raw units are
/// nanoseconds for durations (16.4 us to 17.2 s), whatever is counted otherwise. Any
/// thread; two relaxed atomic adds, no search.
class Histogram {
 public:
  static constexpr int kBuckets = 22;  ///< the last one has no upper bound
  static constexpr int kDurationFirstBit = 14;

  explicit Histogram(int first_bit) : first_bit_(first_bit) {}

  void Observe(std::uint64_t raw) {
    buckets_[BucketOf(raw)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(raw, std::memory_order_relaxed);
  }
  void Observe(std::chrono::nanoseconds duration) {
    Observe(static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count()));
  }

  /// Upper bound of a bucket in raw units, inclusive.
  std::uint64_t Bound(int bucket) const {
    return std::uint64_t{1} << static_cast<unsigned>(first_bit_ + bucket);
  }
  /// How many values fell into this bucket alone.
  std::uint64_t InBucket(int bucket) const {
    return buckets_[static_cast<std::size_t>(bucket)].load(std::memory_order_relaxed);
  }
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::size_t BucketOf(std::uint64_t raw) const {
    const int bits = raw == 0 ? 0 : static_cast<int>(std::bit_width(raw - 1));
    const int bucket = bits <= first_bit_ ? 0 : bits - first_bit_;
    return static_cast<std::size_t>(bucket < kBuckets ? bucket : kBuckets - 1);
  }

  const int first_bit_;
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

/// Keeps a callback series registered; it is gone when this is destroyed. May wait for a
/// running scrape, so the owner must not hold a lock that the callback takes.
class [[nodiscard]] CallbackHandle {
 public:
  CallbackHandle() = default;
  explicit CallbackHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  CallbackHandle(CallbackHandle&& other) noexcept
      : remove_(std::exchange(other.remove_, nullptr)) {}
  CallbackHandle& operator=(CallbackHandle&& other) noexcept;
  ~CallbackHandle();

 private:
  std::function<void()> remove_;
};

/// All series of the process. Names follow Prometheus: snake_case, base unit, `_total`
/// for counters. Registering a name and labels again gives the same object; a name that
/// comes back with another type ends the process (a bug). What is registered lives as
/// long as the registry. Any thread; registering and rendering take a lock, counting does
/// not.
class Registry {
 public:
  Registry();
  ~Registry();

  Counter& AddCounter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, Labels labels = {});
  /// Durations, exposed in seconds: the name ends in `_seconds`.
  Histogram& AddDurations(std::string_view name, std::string_view help,
                          Labels labels = {});
  /// Counts or bytes from 1; buckets 1, 2, 4 … 2^20.
  Histogram& AddSizes(std::string_view name, std::string_view help, Labels labels = {});

  enum class CallbackKind { kGauge, kCounter };
  /// Evaluated at each scrape on the scraping thread: must be quick and must not
  /// register.
  CallbackHandle AddCallback(CallbackKind kind, std::string_view name,
                             std::string_view help, Labels labels,
                             std::function<double()> read);

  /// Prometheus text exposition 0.0.4, families in order of name.
  std::string Render() const;

 private:
  struct State;
  /// Shared with the callback handles, which may be destroyed after the registry.
  std::shared_ptr<State> state_;
};

/// The content type that Render's text is served with.
inline constexpr std::string_view kExpositionContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// process_cpu_seconds_total, process_resident_memory_bytes,
/// process_virtual_memory_bytes, process_open_fds, process_max_fds, process_threads,
/// process_start_time_seconds: read at each scrape from /proc, for as long as the handles
/// live.
std::vector<CallbackHandle> AddProcessMetrics(Registry& registry);

}  // namespace millrace::telemetry
