#include "capture/stream_writer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "change/envelope.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"

namespace millrace::capture {
namespace {

using Accepted = AcceptedEvents;

constexpr TimestampUs kSecond = 1'000'000;

class SetClock final : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  std::atomic<TimestampUs> now{1'700'000'000 * kSecond};
};

schema::Collection Events() {
  schema::Collection events;
  events.name = "clicks";
  events.key = "event_id";
  events.created_at.clear();
  events.updated_at.clear();
  events.fields.push_back(
      {.name = "event_id", .type = schema::Type::Simple(schema::Kind::kText)});
  events.fields.back().generate = schema::Generate::kUuidV7;
  return events;
}

class StreamWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("streams-" + std::to_string(getpid()) + "-" +
                  testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    Open();
  }
  void TearDown() override {
    writer_.reset();
    log_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Open(std::uint64_t max_bytes = 0) {
    writer_.reset();
    log_.reset();
    auto log = eventlog::OpenEmbedded({.directory = directory_,
                                       .segment_bytes = 4096,
                                       .max_bytes = max_bytes,
                                       .on_full = eventlog::OnFull::kRefuse,
                                       .preallocate_bytes = 0});
    ASSERT_TRUE(log) << log.error().ToString();
    log_ = std::move(*log);
    writer_ = std::make_unique<StreamWriter>(
        *log_, codec_,
        [this]() -> Result<Position> {
          if (before_) before_();
          return Position{1, records_end_};
        },
        clock_, metrics_, options_);
  }
  using Answer = std::future<Result<Accepted>>;
  /// `spaces` in each event make it larger.
  Answer Start(const std::vector<std::string>& ids, std::size_t spaces = 0) {
    StreamRequest request;
    for (const auto& id : ids) {
      schema::Draft draft;
      draft.key = id;
      draft.json = id.empty() ? "{\"event_id\":" : "{\"event_id\":\"" + id + "\"";
      draft.json += std::string(spaces, ' ') + "}";
      draft.key_at = 12;
      request.events.Add({draft.key, draft.json, draft.key_at});
    }
    auto promise = std::make_shared<std::promise<Result<Accepted>>>();
    request.done = [promise](Result<Accepted> accepted) {
      promise->set_value(std::move(accepted));
    };
    auto future = promise->get_future();
    writer_->Submit(std::move(request));
    return future;
  }
  Result<Accepted> Append(const std::vector<std::string>& ids) {
    return Start(ids).get();
  }
  /// A request that the writer has begun with, and ends when `go_on` is set.
  Answer Hold(std::promise<void>& go_on) {
    std::promise<void> began;
    before_ = [&, first = true]() mutable {
      if (!std::exchange(first, false)) return;
      began.set_value();
      go_on.get_future().wait();
    };
    Open();
    auto held = Start({"held"});
    began.get_future().wait();
    return held;
  }
  /// The envelope at `offset`, valid until the next call.
  change::Event At(Offset offset) {
    auto batch = log_->Read({"", "clicks"}, offset, 1, 1);
    EXPECT_TRUE(batch && !batch->empty());
    batch_ = std::move(*batch);
    return *change::ParseEnvelope(batch_.records().front().body);
  }

  std::filesystem::path directory_;
  const schema::RecordCodec codec_{Events()};
  telemetry::Registry metrics_;
  SetClock clock_;
  std::uint64_t records_end_ = 40;
  std::function<void()> before_;  ///< an append is formed
  StreamWriterOptions options_{.dedup_window_ms = 10'000, .dedup_ids = 100};
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<StreamWriter> writer_;
  eventlog::RecordBatch batch_;
};

TEST_F(StreamWriterTest, MakesEventsDurableUnderIdsThatSayWhereTheyAre) {
  const auto accepted = Append({"a", ""});
  ASSERT_TRUE(accepted) << accepted.error().ToString();
  EXPECT_EQ((*accepted)[0].offset, 0U);
  EXPECT_EQ((*accepted)[1].offset, 1U);
  EXPECT_EQ((*accepted)[1].event_id.size(), 36U);
  const auto event = At(1);
  EXPECT_EQ(event.version, (Version{1, 2, 0}));
  EXPECT_EQ(event.source, "clicks");
  EXPECT_EQ(event.committed_at, clock_.Now());
  EXPECT_EQ(event.seen(), (Version{1, 40, 0xffffffff}));
}

TEST_F(StreamWriterTest, RecognisesARepeatedIdAlsoInOneRequestAndAfterARestart) {
  ASSERT_TRUE(Append({"a", "b"}));
  const auto again = Append({"c", "b", "c"});
  ASSERT_TRUE(again);
  EXPECT_FALSE((*again)[0].duplicate);
  EXPECT_TRUE((*again)[1].duplicate);
  EXPECT_EQ((*again)[1].offset, 1U);
  EXPECT_TRUE((*again)[2].duplicate);
  EXPECT_EQ((*again)[2].offset, 2U);
  Open();
  const auto later = Append({"b", "d"});
  ASSERT_TRUE(later);
  EXPECT_TRUE((*later)[0].duplicate);
  EXPECT_EQ((*later)[0].offset, 1U);
  EXPECT_EQ((*later)[1].offset, 3U);
}

TEST_F(StreamWriterTest, ForgetsIdsAfterTheWindowAlsoAfterARestart) {
  ASSERT_TRUE(Append({"a"}));
  clock_.now += 9 * kSecond;
  ASSERT_TRUE(Append({"b"}));
  clock_.now += 2 * kSecond;
  Open();
  const auto later = Append({"a", "b"});
  ASSERT_TRUE(later);
  EXPECT_FALSE((*later)[0].duplicate);
  EXPECT_TRUE((*later)[1].duplicate);
}

TEST_F(StreamWriterTest, TimesNeverFallWhateverTheClockDoes) {
  ASSERT_TRUE(Append({"a"}));
  const auto first = At(0).committed_at;
  clock_.now -= 3600 * kSecond;
  Open();
  ASSERT_TRUE(Append({""}));
  EXPECT_EQ(At(1).committed_at, first);
}

TEST_F(StreamWriterTest, AnAppendThatFailedLeavesNoIdBehind) {
  // Nobody reads, so that nothing may be dropped to make room.
  Open(8192);
  log_->SetReader("pipeline", {"", "clicks"}, 0);
  std::uint64_t taken = 0;
  Result<Accepted> refused = Accepted();
  for (; taken < 1000 && refused; ++taken) {
    refused = Append({"e" + std::to_string(taken)});
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  const auto id = "e" + std::to_string(taken - 1);
  const auto info = log_->Stream({"", "clicks"});
  log_->SetReader("pipeline", {"", "clicks"}, info->next);
  const auto again = Append({id});
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_FALSE((*again)[0].duplicate);
  EXPECT_EQ((*again)[0].offset, info->next);
}

TEST_F(StreamWriterTest, RefusesWhatItsQueueCannotHold) {
  options_.queue_bytes = 30;
  std::promise<void> go_on;
  auto held = Hold(go_on);
  auto waits = Start({"a"});
  const auto refused = Append({"b"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  const auto never = Append({"c", "d"});
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code(), ErrorCode::kTooLarge) << "however often it is sent";
  go_on.set_value();
  EXPECT_TRUE(held.get());
  EXPECT_TRUE(waits.get());
  EXPECT_EQ(log_->Stream({"", "clicks"})->next, 2U);
}

TEST_F(StreamWriterTest, RequestsThatAreTooMuchForOneAppendBecomeTwo) {
  options_.queue_bytes = options_.batch_bytes = 256u << 20u;
  std::promise<void> go_on;
  auto held = Hold(go_on);
  auto one = Start({"a"}, 31u << 20u);
  auto two = Start({"b"}, 31u << 20u);
  auto three = Start({"c"}, 31u << 20u);
  go_on.set_value();
  EXPECT_TRUE(held.get());
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(two.get());
  EXPECT_TRUE(three.get());
  const auto over = Start({"d", "e", "f"}, 31u << 20u).get();
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(log_->Stream({"", "clicks"})->next, 4U);
}

TEST_F(StreamWriterTest, KeysOfControlCharactersAreCountedAsTheyAreStored) {
  std::vector<std::string> ids;
  const std::string stem(500, '\x01');
  for (int i = 0; i < 10'000; ++i) ids.push_back(stem + std::to_string(i));
  const auto over = Start(ids, 2'900).get();  // 3 000 in the envelope, too
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace millrace::capture
