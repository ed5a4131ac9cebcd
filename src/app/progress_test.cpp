#include "progress.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(Progress, IsAHundredPercentAtTheEndAlone) {
  EXPECT_EQ(PercentOf({0, 0}), std::nullopt);
  EXPECT_EQ(PercentOf({7, 0}), std::nullopt) << "the total is not known";
  EXPECT_EQ(PercentOf({0, 10}), 0);
  EXPECT_EQ(PercentOf({5, 10}), 50);
  EXPECT_EQ(PercentOf({999'999, 1'000'000}), 99);
  EXPECT_EQ(PercentOf({10, 10}), 100);
  EXPECT_EQ(PercentOf({12, 10}), 100);
}

}  // namespace
}  // namespace millrace::app
