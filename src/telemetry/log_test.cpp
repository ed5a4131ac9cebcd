#include "telemetry/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>

namespace millrace::telemetry {
namespace {

class FixedClock : public Clock {
 public:
  TimestampUs Now() const override { return 1'357'016'400'000'000; }
};

/// Log lines that went through a pipe.
class LoggerTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(fds_), 0); }
  void TearDown() override {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  std::string Read() {
    char buffer[4096];
    const auto got = ::read(fds_[0], buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(got > 0 ? got : 0)};
  }
  LogOptions Options(LogFormat format) { return {Level::kInfo, format, fds_[1]}; }

  int fds_[2] = {-1, -1};
  FixedClock clock_;
};

TEST_F(LoggerTest, WritesJsonWhenTheDescriptorIsNoTerminal) {
  Logger log(Options(LogFormat::kAuto), clock_);
  log.Info("opened \"it\"", {{"path", "/a b"},
                             {"count", 3},
                             {"bytes", std::numeric_limits<std::uint64_t>::max()},
                             {"ratio", 0.5},
                             {"fresh", true},
                             {kRequestIdKey, std::string("abc")}});
  EXPECT_EQ(Read(),
            "{\"ts\":\"2013-01-01T05:00:00Z\",\"level\":\"info\",\"msg\":\"opened "
            "\\\"it\\\"\",\"path\":\"/a b\",\"count\":3,\"bytes\":18446744073709551615,"
            "\"ratio\":0.5,\"fresh\":true,\"request_id\":\"abc\"}\n");
}

TEST_F(LoggerTest, WritesTextWithQuotesOnlyWhereNeeded) {
  Logger log(Options(LogFormat::kText), clock_);
  log.Warn("slow", {{"path", "/a"}, {"why", "two words\n"}, {"none", ""}, {"n", -1}});
  EXPECT_EQ(
      Read(),
      "2013-01-01T05:00:00Z WARN  slow path=/a why=\"two words\\n\" none=\"\" n=-1\n");
}

TEST_F(LoggerTest, EveryLineSaysItsContext) {
  auto options = Options(LogFormat::kText);
  options.context = "server";
  const Logger server(options, clock_);
  Logger log(server, "gateway");
  log.Info("up");
  EXPECT_EQ(Read(), "2013-01-01T05:00:00Z INFO  [gateway] up\n");
  options.format = LogFormat::kJson;
  Logger(options, clock_).Info("up");
  EXPECT_EQ(Read(),
            "{\"ts\":\"2013-01-01T05:00:00Z\",\"level\":\"info\",\"context\":\"server\","
            "\"msg\":\"up\"}\n");
}

TEST_F(LoggerTest, WritesErrorsWithTheirCode) {
  Logger log(Options(LogFormat::kJson), clock_);
  log.Error("append", {{"error", Error(ErrorCode::kDataLoss, "bad sum")}});
  EXPECT_EQ(Read(),
            "{\"ts\":\"2013-01-01T05:00:00Z\",\"level\":\"error\",\"msg\":\"append\","
            "\"error\":\"data_loss: bad sum\"}\n");
}

TEST_F(LoggerTest, ErrorsAreWrittenAtEveryLevel) {
  for (const auto level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    auto options = Options(LogFormat::kText);
    options.level = level;
    Logger(options, clock_).Error("broken");
    EXPECT_EQ(Read(), "2013-01-01T05:00:00Z ERROR broken\n");
  }
}

TEST_F(LoggerTest, DropsWhatIsBelowItsLevel) {
  Logger log(Options(LogFormat::kText), clock_);
  log.Debug("quiet");
  log.set_level(Level::kDebug);
  log.Debug("loud");
  EXPECT_EQ(Read(), "2013-01-01T05:00:00Z DEBUG loud\n");
}

TEST(ParseLevel, ReadsOrRefuses) {
  EXPECT_EQ(ParseLevel("warn"), Level::kWarn);
  EXPECT_EQ(ParseLevel("loud").error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::telemetry
