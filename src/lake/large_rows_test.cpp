#include "lake/lake_writer.hpp"
#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

/// Rows whose notes hardly compress, for an engine of little memory.
class LargeRows : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    options_.columns = {{"note", *Type::Parse("text")}};
    options_.row_group_rows = 61'440;
    options_.compression = "snappy";
    sql::EngineOptions engine;
    engine.directories = {root_};
    engine.memory_limit = 32u << 20u;
    engine_ = *sql::Engine::Open(engine);
    noise_.resize(1u << 20u);
    std::uint64_t random = 1;
    for (char& c : noise_) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      c = static_cast<char>('0' + (random >> 60u));
    }
  }
  Status WriteNotes(LakeWriter& writer, Offset first, Offset next, std::size_t bytes) {
    auto columns = options_.columns;
    columns.push_back({"_offset", *Type::Parse("bigint")});
    sql::BatchBuilder builder(columns);
    for (Offset offset = first; offset < next; ++offset) {
      const auto at = offset * 7919 % (noise_.size() - bytes);
      builder.SetText(0, std::string_view(noise_).substr(at, bytes));
      builder.SetInt(1, static_cast<std::int64_t>(offset));
      builder.EndRow();
    }
    return writer.Write(builder.Finish(), first, next, VersionOf(next - 1));
  }
  void ExpectEachOnce(Offset next) {
    EXPECT_EQ(Ask("SELECT count(*) = count(DISTINCT _offset) AS once, count(*) AS rows"),
              R"({"once":true,"rows":)" + std::to_string(next) + "}");
  }
  /// What each of some writers wants to write, from its committed offset on, until all
  /// are through. False: they do not get there.
  bool WriteAll(std::vector<std::unique_ptr<LakeWriter>>& writers, Offset end) {
    for (int tries = 0; tries < 100; ++tries) {
      std::vector<Offset> at;
      for (const auto& writer : writers) at.push_back(*writer->committed());
      std::vector<Status> went(writers.size());
      for (Offset step = 0; step < end; step += 1000) {
        for (std::size_t i = 0; i < writers.size(); ++i) {
          if (!went[i] || at[i] >= end) continue;
          went[i] = WriteNotes(*writers[i], at[i], at[i] + 1000, 2000);
          at[i] += 1000;
        }
      }
      bool all = true;
      for (std::size_t i = 0; i < writers.size(); ++i) {
        if (went[i]) went[i] = writers[i]->Flush();
        if (went[i]) continue;
        all = false;
        EXPECT_EQ(went[i].error().code(), ErrorCode::kResourceExhausted)
            << went[i].error().message();
      }
      if (all) return true;
    }
    return false;
  }

  std::string noise_;
};

TEST_F(LargeRows, AreWrittenInSmallerRowGroups) {
  std::vector<std::unique_ptr<LakeWriter>> writers;
  writers.push_back(*Open());
  ASSERT_TRUE(writers[0]->Start(0));
  ASSERT_TRUE(WriteAll(writers, 30'000));
  ExpectEachOnce(30'000);
  EXPECT_EQ(Names().size(), 2u) << "one roll, at the first try";
  EXPECT_EQ(*writers[0]->committed(), 30'000u);
}

TEST_F(LargeRows, ComeThroughWhereManyShareTheMemory) {
  std::vector<std::unique_ptr<LakeWriter>> writers;
  for (options_.partition = 0; options_.partition < 10; ++options_.partition) {
    options_.path = "orders_history/" + std::to_string(options_.partition);
    writers.push_back(*Open());
    ASSERT_TRUE(writers.back()->Start(0));
  }
  ASSERT_TRUE(WriteAll(writers, 5000));
  for (const auto& writer : writers) EXPECT_EQ(writer->committed(), 5000u);
}

TEST_F(LargeRows, HalveTheRowGroupsOfTheNextTryWhenMemoryIsGone) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  int tries = 0;
  for (; tries < 20 && *writer->committed() < 22'000; ++tries) {
    Offset at = *writer->committed();
    // By the first rows a row group holds 61,440 of them.
    auto went = at == 0 ? WriteNotes(*writer, 0, 2000, 4) : Status();
    if (at == 0) at = 2000;
    if (went) went = WriteNotes(*writer, at, 22'000, 2000);
    if (went) went = writer->Flush();
    if (!went) EXPECT_EQ(went.error().code(), ErrorCode::kResourceExhausted);
  }
  EXPECT_GT(tries, 1) << "the memory was enough";
  EXPECT_EQ(writer->committed(), 22'000u);
  ExpectEachOnce(22'000);
}

TEST_F(LargeRows, CloseTheRollWhereTheyFollowSmallOnes) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(WriteNotes(*writer, 0, 1000, 4));
  for (Offset at = 1000; at < 12'000; at += 500) {
    const auto went = WriteNotes(*writer, at, at + 500, 2000);
    ASSERT_TRUE(went) << went.error().ToString();
  }
  EXPECT_GT(*writer->committed(), 1000u);
  ASSERT_TRUE(writer->Flush());
  ExpectEachOnce(12'000);
}

}  // namespace
}  // namespace millrace::lake
