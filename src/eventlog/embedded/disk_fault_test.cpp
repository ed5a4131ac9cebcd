#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "stream_path.hpp"
#include "test_log.hpp"

/// What an append does when the disk refuses.
namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

const StreamId kStream{"", "orders"};

/// The descriptor that this process has on `path`; -1 without one.
int DescriptorOf(const fs::path& path) {
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code failed;
    if (fs::read_symlink(entry.path(), failed) == path) {
      return std::stoi(entry.path().filename().string());
    }
  }
  return -1;
}

/// Lets the open segment of kStream lead to `device` from now on.
void Redirect(const fs::path& log, const char* device) {
  const int segment = DescriptorOf(SegmentPath(StreamDirectory(log, kStream), 0));
  ASSERT_GE(segment, 0);
  const int other = open(device, O_RDWR | O_CLOEXEC);
  ASSERT_GE(dup2(other, segment), 0);
  close(other);
}

/// /dev/null takes writes and refuses fdatasync; /dev/full refuses writes, and to be
/// truncated back.
TEST(DiskFault, AFailedWriteOrSyncMakesTheStreamReadOnlyUntilOpenedAgain) {
  for (const auto* device : {"/dev/null", "/dev/full"}) {
    SCOPED_TRACE(device);
    const TempDir dir;
    const auto path = fs::canonical(dir.path());
    auto log = MustOpen({.directory = path});
    LogDriver driver(*log);
    ASSERT_TRUE(driver.Append(kStream, {"good"}));
    Redirect(path, device);
    const auto failed = driver.Append(kStream, {"lost"});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(failed.error().message(), testing::HasSubstr("000.log"));
    const auto refused = driver.Append(kStream, {"never tried"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("read-only"));
    EXPECT_EQ(log->Stats().failed_streams, 1u);
    EXPECT_THAT(driver.ReadAll(kStream), testing::ElementsAre("good"));
    EXPECT_TRUE(driver.Append({"", "another"}, {"works"}));
    log.reset();
    log = MustOpen({.directory = path});
    EXPECT_TRUE(LogDriver(*log).Append(kStream, {"again"}));
    EXPECT_THAT(LogDriver(*log).ReadAll(kStream), testing::ElementsAre("good", "again"));
  }
}

class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
      GTEST_SKIP() << "needs root to mount a small tmpfs";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) umount2(dir_.path().c_str(), MNT_DETACH);
  }
  void TakeAllSpace() {
    const int fd = open((dir_.path() / "ballast").c_str(), O_CREAT | O_WRONLY, 0600);
    const std::string block(4096, 'x');
    while (write(fd, block.data(), block.size()) > 0) {
    }
    close(fd);
  }
  void GiveSpaceBack() { fs::remove(dir_.path() / "ballast"); }

  TempDir dir_;
  bool mounted_ = false;
};

TEST_F(SmallDisk, AFullDiskRefusesAppendsServesReadsAndHeals) {
  const EmbeddedOptions options{.directory = dir_.path() / "log",
                                .segment_bytes = 64u << 10u,
                                .preallocate_bytes = 16u << 10u};
  auto log = MustOpen(options);
  LogDriver driver(*log);
  std::vector<std::string> acknowledged;
  int refusals = 0;
  for (int round = 0; round < 5; ++round) {
    TakeAllSpace();
    for (int i = 0; i < 40; ++i) {
      const std::string body(7000, static_cast<char>('a' + i % 26));
      const auto appended = driver.Append(kStream, {body, body});
      if (appended) {
        acknowledged.insert(acknowledged.end(), 2, body);
        continue;
      }
      EXPECT_EQ(appended.error().code(), ErrorCode::kResourceExhausted);
      ++refusals;
    }
    EXPECT_EQ(driver.ReadAll(kStream), acknowledged);
    GiveSpaceBack();
    ASSERT_TRUE(driver.Append(kStream, {"healed"}));
    acknowledged.push_back("healed");
  }
  EXPECT_GT(refusals, 0);
  EXPECT_EQ(log->Stats().failed_streams, 0u);
  log.reset();
  log = MustOpen(options);
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(LogDriver(*log).ReadAll(kStream), acknowledged);
}

TEST_F(SmallDisk, AStreamThatCannotBeBegunCanBeLater) {
  auto log = MustOpen({.directory = dir_.path() / "log"});
  TakeAllSpace();
  const auto refused = LogDriver(*log).Append(kStream, {std::string(5000, 'x')});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  GiveSpaceBack();
  EXPECT_TRUE(LogDriver(*log).Append(kStream, {"x"}));
}

}  // namespace
}  // namespace millrace::eventlog
