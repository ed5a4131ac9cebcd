#include "cursor_key.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace millrace::app {
namespace {

TEST(CursorKey, IsMadeOnceAndKept) {
  std::string name = testing::TempDir() + "cursor_key_XXXXXX";
  const DataPaths paths{::mkdtemp(name.data())};
  const auto key = CursorKey(paths);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(CursorKey(paths), key);
  EXPECT_EQ(std::filesystem::status(paths.cursor_key()).permissions(),
            std::filesystem::perms(0600));
  std::ofstream(paths.cursor_key()) << "short";
  const auto other = CursorKey(paths);
  EXPECT_EQ(other.size(), 32u);
  EXPECT_NE(other, key);
  EXPECT_EQ(CursorKey(paths), other);
  std::filesystem::remove_all(paths.root);
  EXPECT_EQ(CursorKey(paths).size(), 32u);  // nowhere to keep it
}

}  // namespace
}  // namespace millrace::app
