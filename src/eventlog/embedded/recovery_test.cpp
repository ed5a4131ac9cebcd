#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "segment_format.hpp"
#include "stream_path.hpp"
#include "test_log.hpp"

/// What opening makes of files that a crash, a bad disk or a bad hand left.
namespace millrace::eventlog {
namespace {

namespace fs = std::filesystem;

const StreamId kStream{"", "orders"};

class Recovery : public testing::Test {
 protected:
  EmbeddedOptions Options(std::uint64_t segment_bytes = 64u << 20u) const {
    return {.directory = dir_.path() / "log", .segment_bytes = segment_bytes};
  }
  fs::path Segment(Offset first = 0) const {
    return SegmentPath(StreamDirectory(dir_.path() / "log", kStream), first);
  }
  std::vector<fs::path> Segments() const {
    std::vector<fs::path> paths;
    for (const auto first : *ListSegments(Segment().parent_path())) {
      paths.push_back(Segment(first));
    }
    return paths;
  }

  /// Appends `batches` of three events each and leaves the files as a kill does. Gives
  /// the place where each batch ends; the first entry is where the first one begins.
  std::vector<std::uint64_t> FillAndKill(int batches,
                                         std::uint64_t segment_bytes = 64u << 20u) {
    std::vector<std::uint64_t> ends;
    auto options = Options(segment_bytes);
    options.directory = dir_.path() / "live";
    const auto log = MustOpen(options);
    for (int i = 0; i < batches; ++i) {
      const auto n = std::to_string(i);
      EXPECT_TRUE(LogDriver(*log).Append(
          kStream, {n + "a", n + std::string(40, 'b'), n + "c"}, "source"));
      const auto bytes = log->Stream(kStream)->bytes;
      if (i == 0) ends.push_back(SegmentHeaderLength(Slurp(LivePath())).value());
      ends.push_back(bytes);
    }
    CopyAsCrashed(options.directory, dir_.path() / "log");
    return ends;
  }
  fs::path LivePath() const {
    return SegmentPath(StreamDirectory(dir_.path() / "live", kStream), 0);
  }
  void ExpectDamage(const Error& error, const fs::path& file) {
    EXPECT_EQ(error.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(error.message(), testing::HasSubstr(file.string() + " at "));
  }

  TempDir dir_;
};

/// After an fdatasync that failed, pages that can be read are taken for written: a next
/// one would do nothing.
TEST_F(Recovery, TheLastGroupIsWrittenAgainBeforeItIsSynced) {
  const auto ends = FillAndKill(3);
  const auto whole = Slurp(Segment()).substr(0, ends[3]);
  Spill(Segment(), whole);  // nothing to cut
  const auto old = fs::last_write_time(Segment()) - std::chrono::hours(1);
  fs::last_write_time(Segment(), old);
  const auto log = MustOpen(Options());
  EXPECT_GT(fs::last_write_time(Segment()), old);
  EXPECT_EQ(Slurp(Segment()), whole);
}

TEST_F(Recovery, ATailTornAtAnyByteIsCut) {
  const auto ends = FillAndKill(3);
  const auto whole = Slurp(Segment()).substr(0, ends[3]);
  for (const auto& filler : {std::string(), std::string(5000, '\0')}) {
    for (auto cut = ends[2]; cut < ends[3]; ++cut) {
      SCOPED_TRACE(cut);
      const auto torn = whole.substr(0, cut) + filler;
      if (torn.starts_with(whole)) continue;  // only zeros of padding were cut
      Spill(Segment(), torn);
      const auto log = MustOpen(Options());
      ASSERT_NE(log, nullptr);
      EXPECT_EQ(log->Stream(kStream)->next, 6u);
      EXPECT_EQ(fs::file_size(Segment()), ends[2]);
      EXPECT_THAT(log->LastPosition(kStream, "source"), Holds(Position{0, 6}));
      EXPECT_EQ(LogDriver(*log).ReadAll(kStream).back(), "1c");
    }
  }
}

TEST_F(Recovery, AppendsGoOnAfterACutTail) {
  const auto ends = FillAndKill(3);
  Spill(Segment(), Slurp(Segment()).substr(0, ends[3] - 1));
  for (unsigned round = 0; round < 2; ++round) {
    const auto log = MustOpen(Options());
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(LogDriver(*log).Append(kStream, {"new"}, "source").value(), 7u + round);
    EXPECT_EQ(LogDriver(*log).ReadAll(kStream).back(), "new");
  }
}

TEST_F(Recovery, PreallocatedSpaceIsNotDamage) {
  const auto ends = FillAndKill(3);
  ASSERT_GT(fs::file_size(Segment()), ends[3]);
  const auto log = MustOpen(Options());
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->Stream(kStream)->next, 9u);
  EXPECT_EQ(fs::file_size(Segment()), ends[3]);
}

TEST_F(Recovery, EveryFlippedBitBeforeTheLastBatchIsDetectedAndNothingIsCut) {
  const auto ends = FillAndKill(30);
  const auto whole = Slurp(Segment()).substr(0, ends[30]);
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    const auto at = random() % ends[29];
    SCOPED_TRACE(at);
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    Spill(Segment(), damaged);
    const auto log = OpenEmbedded(Options());
    ASSERT_FALSE(log);
    ExpectDamage(log.error(), Segment());
    EXPECT_TRUE(Slurp(Segment()) == damaged);
  }
}

TEST_F(Recovery, AZeroedPageInsideIsDamageToo) {
  const auto ends = FillAndKill(30);
  auto damaged = Slurp(Segment());
  damaged.replace(ends[4], 512, 512, '\0');
  Spill(Segment(), damaged);
  const auto log = OpenEmbedded(Options());
  ASSERT_FALSE(log);
  ExpectDamage(log.error(), Segment());
  EXPECT_THAT(log.error().message(),
              testing::HasSubstr(" at " + std::to_string(ends[4])));
}

TEST_F(Recovery, ReadOnlyShowsWhatIsWholeBeforeTheDamage) {
  const auto ends = FillAndKill(10);
  auto damaged = Slurp(Segment());
  damaged[ends[4] + 100] ^= 1;
  Spill(Segment(), damaged);
  const auto log = OpenEmbeddedReadOnly(Options().directory);
  ASSERT_TRUE(log);
  const auto bodies = LogDriver(**log).ReadAll(kStream);
  ASSERT_EQ(bodies.size(), 13u);  // 4 batches of 3, and the error
  EXPECT_THAT(bodies.back(), testing::HasSubstr("data_loss"));
}

/// The writer can lose any page of a group: a later batch of it may be whole.
TEST_F(Recovery, AGroupWithAHoleIsATornTail) {
  const auto ends = FillAndKill(3);
  const auto durable = Slurp(Segment()).substr(0, ends[3]);
  auto lost = EncodeBatch("source", {0, 9}, {0, 10}, {"lost"});
  SealBatch(lost, 9, ends[3]);
  lost.back() = 'x';
  auto whole = EncodeBatch("source", {0, 10}, {0, 11}, {"whole"});
  SealBatch(whole, 10, ends[3]);
  Spill(Segment(), durable + lost + whole);
  {
    const auto log = MustOpen(Options());
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->Stream(kStream)->next, 9u);
  }
  // Of a later group it proves that the first one was durable once.
  SealBatch(whole, 10, ends[3] + lost.size());
  Spill(Segment(), durable + lost + whole);
  const auto log = OpenEmbedded(Options());
  ASSERT_FALSE(log);
  ExpectDamage(log.error(), Segment());
}

TEST_F(Recovery, DamageInOlderSegmentsIsFoundByReadingAndNeverServed) {
  FillAndKill(120, 4096);
  const auto segments = Segments();
  ASSERT_GT(segments.size(), 3u);
  const auto good = LogDriver(*MustOpen(Options())).ReadAll(kStream);
  std::mt19937_64 random(4);
  for (int i = 0; i < 200; ++i) {
    const auto& file = segments[random() % (segments.size() - 1)];
    const auto whole = Slurp(file);
    auto damaged = whole;
    // Preallocated space of a segment that was left has nothing to damage.
    const auto at = random() % 4096;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    Spill(file, damaged);
    SCOPED_TRACE(file.string() + " " + std::to_string(at));
    const auto log = MustOpen(Options());
    ASSERT_NE(log, nullptr);
    auto bodies = LogDriver(*log).ReadAll(kStream);
    EXPECT_THAT(bodies.back(), testing::StartsWith("error: data_loss: " + file.string()));
    bodies.pop_back();
    ASSERT_LT(bodies.size(), good.size());
    EXPECT_TRUE(std::equal(bodies.begin(), bodies.end(), good.begin()));
    Spill(file, whole);
  }
}

TEST_F(Recovery, ShortMissingAndDoubledSegmentsAreDamage) {
  FillAndKill(120, 4096);
  const auto segments = Segments();
  ASSERT_GT(segments.size(), 3u);
  const auto read_ends_with = [&](std::string_view part) {
    const auto log = MustOpen(Options());
    ASSERT_NE(log, nullptr);
    EXPECT_THAT(LogDriver(*log).ReadAll(kStream).back(), testing::HasSubstr(part));
  };
  const auto whole = Slurp(segments[1]);
  Spill(segments[1], whole.substr(0, 3000));
  read_ends_with("data_loss");
  fs::remove(segments[1]);
  read_ends_with("data_loss");
  Spill(segments[1], Slurp(segments[2]));
  read_ends_with("names another place");
  Spill(segments[1], whole);
  read_ends_with("119c");
  Spill(Segment(9999), Slurp(segments[0]));
  EXPECT_EQ(OpenEmbedded(Options()).error().code(), ErrorCode::kDataLoss);
}

TEST_F(Recovery, OldSegmentsAreNotReadToOpen) {
  FillAndKill(120, 4096);
  const auto segments = Segments();
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) Spill(segments[i], "");
  const auto log = MustOpen(Options());
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->Stream(kStream)->next, 360u);
  EXPECT_THAT(log->LastPosition(kStream, "source"), Holds(Position{0, 360}));
}

TEST_F(Recovery, PositionsOutliveTheSegmentsThatHeldThem) {
  {
    const auto log = MustOpen(Options(4096));
    ASSERT_TRUE(LogDriver(*log).Append(kStream, {"x"}, "quiet"));
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(LogDriver(*log).Append(kStream, {std::string(1000, 'x')}, "busy"));
    }
    CopyAsCrashed(Options().directory, dir_.path() / "copy");
  }
  for (const auto* name : {"copy", "log"}) {  // killed, and closed
    const auto log = MustOpen({.directory = dir_.path() / name});
    EXPECT_THAT(log->LastPosition(kStream, "quiet"), Holds(Position{0, 1}));
    EXPECT_THAT(log->LastPosition(kStream, "busy"), Holds(Position{0, 30}));
  }
}

TEST_F(Recovery, ALastBatchDamagedAfterACleanCloseIsNotTakenForATornTail) {
  FillAndKill(3);
  {
    MustOpen(Options())->Append({kStream, "s", {}, {0, 1}, {"last"}}, Deadline::Never());
  }
  auto damaged = Slurp(Segment());
  const auto at = damaged.find("last");
  ASSERT_NE(at, std::string::npos);
  damaged[at] = 'L';
  Spill(Segment(), damaged);
  const auto log = MustOpen(Options());
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->Read(kStream, 9, 1, 100).error().code(), ErrorCode::kDataLoss);
}

TEST_F(Recovery, WhatACrashLeftWhileASegmentWasBegunIsRemoved) {
  FillAndKill(3);
  auto temporary = Segment(9);
  temporary += kTemporarySuffix;
  Spill(temporary, "half a head");
  const auto log = MustOpen(Options());
  ASSERT_NE(log, nullptr);
  EXPECT_FALSE(fs::exists(temporary));
  EXPECT_EQ(log->Stream(kStream)->next, 9u);
}

TEST_F(Recovery, AnotherFormatVersionIsRefused) {
  FillAndKill(3);
  auto newer = Slurp(Segment());
  newer[4] = 2;
  Spill(Segment(), newer);
  const auto log = OpenEmbedded(Options());
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().message(), testing::HasSubstr("version 2"));
}

}  // namespace
}  // namespace millrace::eventlog
