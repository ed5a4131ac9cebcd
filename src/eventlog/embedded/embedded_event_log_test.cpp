#include "eventlog_embedded/embedded_event_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventlog/testing/conformance.hpp"
#include "test_log.hpp"

namespace millrace::eventlog {
namespace {

class EmbeddedUnderTest final : public LogUnderTest {
 public:
  explicit EmbeddedUnderTest(std::uint64_t segment_bytes)
      : segment_bytes_(segment_bytes) {
    Open();
  }
  EventLog& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    Open();
  }

 private:
  void Open() {
    log_ = MustOpen({.directory = dir_.path() / "log", .segment_bytes = segment_bytes_});
  }
  TempDir dir_;
  std::uint64_t segment_bytes_;
  std::unique_ptr<EmbeddedEventLog> log_;
};

Adapter InFreshDirectory(std::string name, std::uint64_t segment_bytes) {
  return {std::move(name),
          [segment_bytes] { return std::make_unique<EmbeddedUnderTest>(segment_bytes); }};
}

INSTANTIATE_TEST_SUITE_P(Embedded, EventLogConformance,
                         testing::Values(InFreshDirectory("Default", 64u << 20u),
                                         InFreshDirectory("TinySegments", 4096)),
                         AdapterName);

const StreamId kStream{"", "orders"};

TEST(EmbeddedEventLog, ASecondOpenIsRefused) {
  const TempDir dir;
  const auto log = MustOpen({.directory = dir.path()});
  const auto second = OpenEmbedded({.directory = dir.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

TEST(EmbeddedEventLog, FindsAnyOfManyPositionsAlsoForReadersBesideIt) {
  const TempDir dir;
  auto log = MustOpen({.directory = dir.path(), .segment_bytes = 1u << 20u});
  constexpr Offset kEvents = 6'000;
  for (Offset i = 0; i < kEvents; ++i) {
    // Bodies that look like nothing, and now and then one that is larger than a probe.
    ASSERT_TRUE(LogDriver(*log).Append(
        kStream, {std::to_string(i) + std::string(i % 1'000 == 7 ? 300'000 : 300, 'M')}));
  }
  const auto reader = OpenEmbeddedReadOnly(dir.path());
  ASSERT_TRUE(reader);
  for (int round = 0; round < 2; ++round) {
    for (Offset i = 0; i < kEvents; i += 37) {
      for (EventLog* one :
           {static_cast<EventLog*>(log.get()), static_cast<EventLog*>(reader->get())}) {
        const auto found = one->Find(kStream, "src", {0, i + 1});
        ASSERT_TRUE(found) << found.error().ToString();
        ASSERT_EQ(found->records().size(), 1u);
        EXPECT_EQ(found->records().front().offset, i);
        EXPECT_TRUE(found->records().front().body.starts_with(std::to_string(i) + "M"));
      }
    }
    log = nullptr;
    log = MustOpen({.directory = dir.path(), .segment_bytes = 1u << 20u});
  }
}

TEST(EmbeddedEventLog, RefusesOptionsThatCannotWork) {
  const TempDir dir;
  for (const auto& options :
       {EmbeddedOptions{.directory = dir.path(), .segment_bytes = 100},
        EmbeddedOptions{.directory = dir.path(), .segment_bytes = 2u << 30u},
        EmbeddedOptions{.directory = dir.path(), .max_bytes = 1000}}) {
    const auto log = OpenEmbedded(options);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(EmbeddedEventLog, CloseGivesPreallocatedSpaceBack) {
  const TempDir dir;
  auto log = MustOpen({.directory = dir.path()});
  ASSERT_TRUE(LogDriver(*log).Append(kStream, {"x"}));
  const auto file = dir.path() / "_" / "orders" / "00000000000000000000.log";
  EXPECT_GT(std::filesystem::file_size(file), 32u << 10u);
  EXPECT_LT(log->Stream(kStream)->bytes, 1000u);
  log.reset();
  const auto closed = std::filesystem::file_size(file);
  EXPECT_LT(closed, 1000u);
  MustOpen({.directory = dir.path()}).reset();  // no append: nothing is written
  EXPECT_EQ(std::filesystem::file_size(file), closed);
}

TEST(EmbeddedEventLog, ReadOnlyFollowsALiveServerAndChangesNothing) {
  const TempDir dir;
  auto server = MustOpen({.directory = dir.path(), .segment_bytes = 4096});
  LogDriver writer(*server);
  ASSERT_TRUE(writer.Append(kStream, {"a"}));
  auto tool = OpenEmbeddedReadOnly(dir.path());
  ASSERT_TRUE(tool);
  LogDriver reader(**tool);
  EXPECT_THAT(reader.ReadAll(kStream), testing::ElementsAre("a"));
  EXPECT_EQ(reader.Append(kStream, {"no"}).error().code(), ErrorCode::kInvalidArgument);
  std::vector<std::string> expected{"a"};
  for (int i = 0; i < 30; ++i) {  // over several segments
    expected.push_back(std::string(500, static_cast<char>('a' + i % 26)));
    ASSERT_TRUE(writer.Append(kStream, {expected.back()}));
    ASSERT_TRUE((*tool)->WaitFor(kStream, expected.size() - 1, Deadline::Never()));
  }
  EXPECT_EQ(reader.ReadAll(kStream), expected);
  EXPECT_THAT((*tool)->LastPosition(kStream, "src"),
              Holds(*server->LastPosition(kStream, "src")));
  ASSERT_TRUE(writer.Append({"t", "new"}, {"n"}));
  EXPECT_EQ((*tool)->Streams()->size(), 2u);
  EXPECT_THAT(reader.ReadAll({"t", "new"}), testing::ElementsAre("n"));
  const auto stats = server->Stats();
  EXPECT_EQ(stats.appended_batches, 32u);
  EXPECT_EQ(stats.appended_events, 32u);
  EXPECT_EQ(stats.appended_bytes, 30u * 500 + 2);
  EXPECT_EQ(OpenEmbeddedReadOnly(dir.path() / "absent").error().code(),
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::eventlog
