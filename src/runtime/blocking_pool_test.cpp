#include "runtime/blocking_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace millrace::runtime {
namespace {

TEST(BlockingPool, RunsEveryTaskItTook) {
  std::atomic<int> ran = 0;
  std::promise<void> all;
  BlockingPool pool(2, 100);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.Submit([&] {
      if (++ran == 50) all.set_value();
    }));
  }
  all.get_future().wait();
  EXPECT_EQ(ran, 50);
}

TEST(BlockingPool, RefusesWhatDoesNotFit) {
  std::promise<void> started, release, last;
  auto gate = release.get_future().share();
  BlockingPool pool(1, 1);
  ASSERT_TRUE(pool.Submit([&started, gate] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.Submit([&last] { last.set_value(); }));
  EXPECT_FALSE(pool.Submit([] {}));
  release.set_value();
  last.get_future().wait();
  EXPECT_TRUE(pool.Submit([] {}));
}

TEST(BlockingPool, RefusesOnceItIsStopped) {
  std::promise<void> started, release;
  BlockingPool first(1, 1), second(1, 1);
  bool taken = true;
  // Work under way that hands more to a pool which has ended before it.
  ASSERT_TRUE(second.Submit([&] {
    started.set_value();
    release.get_future().wait();
    taken = first.Submit([] {});
  }));
  started.get_future().wait();
  first.Stop();
  release.set_value();
  second.Stop();
  EXPECT_FALSE(taken);
  first.Stop();
}

}  // namespace
}  // namespace millrace::runtime
