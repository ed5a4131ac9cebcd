#include "base/file.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

namespace millrace {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "mr_file_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::filesystem::path dir_;
};

TEST_F(FileTest, WritesAndReadsAtOffsets) {
  auto file = File::CreateNew(dir_ / "a");
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->WriteAt(0, "hello world").has_value());
  ASSERT_TRUE(file->WriteAt(6, "there").has_value());
  ASSERT_TRUE(file->SyncData().has_value());
  char buffer[20];
  EXPECT_EQ(file->ReadAt(6, buffer, sizeof buffer).value(), 5u);
  EXPECT_EQ(std::string_view(buffer, 5), "there");
  EXPECT_EQ(file->ReadAt(100, buffer, sizeof buffer).value(), 0u);
  ASSERT_TRUE(file->Truncate(5).has_value());
  EXPECT_EQ(file->Size().value(), 5u);
  EXPECT_EQ(ReadFile(dir_ / "a").value(), "hello");
}

TEST_F(FileTest, MovesItsDescriptor) {
  auto file = File::OpenReadWrite(dir_ / "a");
  ASSERT_TRUE(file.has_value());
  File other = std::move(*file);
  EXPECT_TRUE(other.is_open());
  EXPECT_FALSE(file->is_open());
  other = File();
  EXPECT_FALSE(other.is_open());
}

TEST_F(FileTest, NamesPathAndReason) {
  const auto absent = File::OpenRead(dir_ / "none");
  EXPECT_EQ(absent.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(absent.error().message(),
            "open " + (dir_ / "none").string() + ": No such file or directory");
  ASSERT_TRUE(File::CreateNew(dir_ / "a").has_value());
  EXPECT_EQ(File::CreateNew(dir_ / "a").error().code(), ErrorCode::kConflict);
  EXPECT_EQ(SystemError("write", "/x", ENOSPC).code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(SystemError("write", "/x", EDQUOT).code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(SystemError("write", "/x", EIO).code(), ErrorCode::kUnavailable);
}

TEST_F(FileTest, FailsAWriteThatCannotBe) {
  auto full = File::OpenReadWrite("/dev/full");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->WriteAt(0, "x").error().code(), ErrorCode::kResourceExhausted);
}

TEST_F(FileTest, MakesDirectories) {
  ASSERT_TRUE(MakeDirs(dir_ / "a" / "b" / "c").has_value());
  EXPECT_TRUE(std::filesystem::is_directory(dir_ / "a" / "b" / "c"));
  EXPECT_TRUE(MakeDirs(dir_ / "a" / "b" / "c").has_value());
  EXPECT_TRUE(MakeDirs(dir_ / "a" / "d" / "").has_value());
  ASSERT_TRUE(WriteFileDurably(dir_ / "file", "x").has_value());
  EXPECT_FALSE(MakeDirs(dir_ / "file").has_value());
  EXPECT_FALSE(MakeDirs(dir_ / "file" / "below").has_value());
}

TEST_F(FileTest, PublishesOnce) {
  ASSERT_TRUE(MakeDirs(dir_ / "out").has_value());
  ASSERT_TRUE(WriteFileDurably(dir_ / "one", "1").has_value());
  ASSERT_TRUE(WriteFileDurably(dir_ / "two", "2").has_value());
  ASSERT_TRUE(PublishFile(dir_ / "one", dir_ / "out" / "part").has_value());
  const auto again = PublishFile(dir_ / "two", dir_ / "out" / "part");
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(ReadFile(dir_ / "out" / "part").value(), "1");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "one"));
  EXPECT_TRUE(std::filesystem::exists(dir_ / "two"));
}

TEST_F(FileTest, ReplacesAFileWhole) {
  ASSERT_TRUE(WriteFileDurably(dir_ / "a", "long content").has_value());
  ASSERT_TRUE(WriteFileDurably(dir_ / "a", "short").has_value());
  EXPECT_EQ(ReadFile(dir_ / "a").value(), "short");
  EXPECT_EQ(ReadFile(dir_ / "a", 4).error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(ReadFile(dir_ / "a", 5).value(), "short");
  EXPECT_EQ(ReadFile(dir_ / "b").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace
