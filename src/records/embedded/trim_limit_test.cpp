#include "trim_limit.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace millrace::records {
namespace {

TEST(TrimLimit, IsWhatWasNamedUpToAHold) {
  TrimLimit limit(3);
  EXPECT_EQ(limit.Raise(5), 3u);
  EXPECT_EQ(limit.Raise(4), 5u) << "never falls";
  EXPECT_EQ(limit.Get(), 5u);
  limit.Hold();
  limit.Raise(9);
  EXPECT_EQ(limit.Get(), 5u);
  limit.Release();
  EXPECT_EQ(limit.Get(), 9u);
}

/// After its next load somebody else has his turn.
class Interrupted : public std::atomic<std::uint64_t> {
 public:
  using std::atomic<std::uint64_t>::atomic;
  using std::atomic<std::uint64_t>::operator=;
  std::uint64_t load() const {
    const auto value = std::atomic<std::uint64_t>::load();
    if (auto others = std::exchange(turn, nullptr)) others();
    return value;
  }
  static inline std::function<void()> turn;
};

TEST(TrimLimit, AHoldThatComesWhileItIsReadHoldsWhatIsNamedAfterIt) {
  BasicTrimLimit<Interrupted> limit(5);
  Interrupted::turn = [&] {
    limit.Hold();
    limit.Raise(9);
  };
  EXPECT_EQ(limit.Get(), 5u);
  EXPECT_EQ(limit.Get(), 5u);
}

}  // namespace
}  // namespace millrace::records
