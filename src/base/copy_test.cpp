#include "base/copy.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.hpp"
#include "base/file.hpp"

namespace millrace {
namespace {

namespace fs = std::filesystem;

class Copy : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "copy.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    place_ = pattern;
    for (int i = 0; i < 300'000; ++i) content_ += std::to_string(i);
    ASSERT_TRUE(WriteFileDurably(place_ / "from", content_));
  }
  void TearDown() override { fs::remove_all(place_); }

  Status CopyTo(std::uint64_t end) {
    return CopyUpTo(place_ / "from", place_ / "to", end, [this](std::uint64_t bytes) {
      told_ += bytes;
      return Status();
    });
  }

  fs::path place_;
  std::string content_;
  std::uint64_t told_ = 0;
};

TEST_F(Copy, IsReadableByNobodyElse) {
  constexpr auto kOwner = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(place_ / "from", kOwner);
  ASSERT_TRUE(CopyTo(content_.size()));
  EXPECT_EQ(fs::status(place_ / "to").permissions(), kOwner);
  ASSERT_TRUE(CreateLike(place_ / "from", place_ / "like"));
  EXPECT_EQ(fs::status(place_ / "like").permissions(), kOwner);
  EXPECT_EQ(fs::file_size(place_ / "like"), 0u);
  ASSERT_TRUE(CreateLike(place_ / "from", place_ / "to"));
  EXPECT_EQ(*ReadFile(place_ / "to"), content_);
  EXPECT_EQ(CreateLike(place_ / "none", place_ / "other").error().code(),
            ErrorCode::kNotFound);
}

TEST_F(Copy, BringsOnlyWhatIsMissing) {
  ASSERT_TRUE(CopyTo(1'500'000));
  EXPECT_EQ(*ReadFile(place_ / "to"), content_.substr(0, 1'500'000));
  ASSERT_TRUE(CopyTo(content_.size()));
  EXPECT_EQ(*ReadFile(place_ / "to"), content_);
  EXPECT_EQ(told_, content_.size());
}

TEST_F(Copy, RefusesAFileThatIsTooShort) {
  const auto copied = CopyTo(content_.size() + 1);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kDataLoss);
}

TEST_F(Copy, EndsWhenItsWatcherSaysSo) {
  const auto copied =
      CopyUpTo(place_ / "from", place_ / "to", content_.size(),
               [](std::uint64_t) { return Fail(ErrorCode::kUnavailable, "cancelled"); });
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().message(), "cancelled");
}

TEST_F(Copy, SumsAFileAsItsTextIsHashed) {
  const auto sum = SumFile(place_ / "from", [](std::uint64_t) { return Status(); });
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, (FileSum{content_.size(), Hash64(content_)}));
}

}  // namespace
}  // namespace millrace
