#include "audit_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "change/envelope.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "project/audit.hpp"

namespace millrace::app {
namespace {

using gateway::AuditEvent;
using gateway::AuditWhen;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class AuditLogTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "audit_XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    auto log = eventlog::OpenEmbedded({.directory = directory_});
    ASSERT_TRUE(log) << log.error().ToString();
    log_ = std::move(*log);
    const auto end = [this]() -> Result<Position> {
      if (broken_) return Fail(ErrorCode::kUnavailable, "broken");
      return Position{1, 0};
    };
    writer_ = std::make_unique<capture::StreamWriter>(
        *log_, codec_, end, SystemClock(), metrics_, capture::StreamWriterOptions{});
    audit_ = std::make_unique<AuditLog>(*writer_, SystemClock(), metrics_, logger_,
                                        std::chrono::milliseconds(1));
  }
  void TearDown() override {
    audit_.reset();
    writer_.reset();
    log_.reset();
    std::filesystem::remove_all(directory_);
  }

  static AuditEvent Of(const std::string& id) {
    AuditEvent event;
    event.action = gateway::AuditAction::kCreate;
    event.resource_id = id;
    return event;
  }
  void RecordSoon(AuditEvent event) {
    bool done = false;
    audit_->Record(std::move(event), AuditWhen::kSoon, [&](const Status& kept) {
      EXPECT_TRUE(kept);
      done = true;
    });
    EXPECT_TRUE(done);
  }
  std::vector<std::string> Stored() {
    std::vector<std::string> documents;
    const auto batch = log_->Read({"", "audit"}, 0, 1'000, 8u << 20u);
    EXPECT_TRUE(batch) << batch.error().ToString();
    for (const auto& record : batch->records())
      documents.emplace_back(change::ParseEnvelope(record.body)->after);
    return documents;
  }
  std::vector<std::string> StoredIds() {
    std::vector<std::string> ids;
    for (const auto& one : Stored())
      ids.push_back(schema::TextOf(schema::FindMember(one, "resource_id")));
    return ids;
  }

  std::string directory_;
  std::atomic<bool> broken_ = false;
  telemetry::Registry metrics_;
  telemetry::Logger logger_{{.level = telemetry::Level::kError}};
  const schema::RecordCodec codec_{project::AuditEvents("audit")};
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<capture::StreamWriter> writer_;
  std::unique_ptr<AuditLog> audit_;
};

TEST_F(AuditLogTest, WhatIsWaitedForIsThereBehindWhatWasBefore) {
  RecordSoon(Of("a"));
  RecordSoon(Of("b"));
  EXPECT_TRUE(audit_->RecordAndWait(Of("c")));
  EXPECT_THAT(StoredIds(), ElementsAre("a", "b", "c"));
}

TEST_F(AuditLogTest, TextsOfClientsAreMadeFit) {
  auto event = Of(std::string("a\0b\xff\n\"", 6));
  event.request_id = std::string(5'000, 'x');
  event.keys = {"k1", "\xf0\x9f"};
  EXPECT_TRUE(audit_->RecordAndWait(std::move(event)));
  const auto stored = Stored();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_THAT(stored[0], HasSubstr(R"("resource_id":"a?b?\n\"")"));
  EXPECT_THAT(stored[0], HasSubstr(R"("keys":["k1","??"])"));
  EXPECT_THAT(stored[0], Not(HasSubstr(std::string(513, 'x'))));
}

TEST_F(AuditLogTest, WhatFailsIsSaidAndTriedAgainUntilItIsThereOnce) {
  broken_ = true;
  EXPECT_FALSE(audit_->RecordAndWait(Of("a")));
  EXPECT_THAT(audit_->Ready().error().message(), HasSubstr("cannot be written: broken"));
  EXPECT_FALSE(audit_->RecordAndWait(Of("b")));
  broken_ = false;
  while (!audit_->Ready()) std::this_thread::yield();
  EXPECT_TRUE(audit_->RecordAndWait(Of("c")));
  EXPECT_THAT(StoredIds(), ElementsAre("a", "b", "c"));
}

TEST_F(AuditLogTest, AStopWritesWhatWaitsAndIsTheEnd) {
  RecordSoon(Of("a"));
  audit_->Stop();
  EXPECT_THAT(StoredIds(), ElementsAre("a"));
  EXPECT_EQ(audit_->RecordAndWait(Of("b")).error().code(), ErrorCode::kUnavailable);
}

TEST_F(AuditLogTest, AStopSaysHowManyRefusalsWereFolded) {
  for (int i = 0; i < 40; ++i) {
    auto event = Of("refused");
    // Also what failed: a crowd can bring that about.
    event.result =
        i % 2 == 0 ? gateway::AuditResult::kRefused : gateway::AuditResult::kFailed;
    RecordSoon(std::move(event));
  }
  audit_->Stop();
  const auto stored = Stored();
  ASSERT_EQ(stored.size(), 31u);
  EXPECT_THAT(stored.back(), HasSubstr(R"("action":"refused")"));
  EXPECT_THAT(stored.back(), HasSubstr(R"("count":10)"));
}

}  // namespace
}  // namespace millrace::app
