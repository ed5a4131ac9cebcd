#include "lake/lake_writer.hpp"

#include <sys/resource.h>

#include <csignal>

#include "lake/lake_catalog.hpp"
#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

TEST_F(LakeTest, StartsOnceAndRemembersWhere) {
  auto writer = *Open();
  EXPECT_EQ(writer->committed(), std::nullopt);
  EXPECT_FALSE(Write(*writer, 0, 1));
  ASSERT_TRUE(writer->Start(7));
  EXPECT_EQ(writer->committed(), 7u);
  EXPECT_EQ(writer->Start(8).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ((*Open())->committed(), 7u);
  EXPECT_THAT(Names(), testing::ElementsAre("part-0000-start.parquet"));
  EXPECT_EQ(Ask("SELECT count(*) AS c"), R"({"c":0})");
}

TEST_F(LakeTest, CommitsARollAsOneFile) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  EXPECT_EQ(writer->due(), std::nullopt);
  ASSERT_TRUE(Write(*writer, 0, 5000));
  ASSERT_TRUE(Write(*writer, 5000, 6000));
  EXPECT_EQ(writer->due(), now_ + std::chrono::seconds(60));
  EXPECT_EQ(writer->committed(), 0u);
  EXPECT_EQ(Ask("SELECT count(*) AS c"), R"({"c":0})");  // nothing is half visible
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(writer->committed(), 6000u);
  EXPECT_EQ(writer->due(), std::nullopt);
  EXPECT_THAT(Names(), testing::ElementsAre("part-0000-00000000000000000000.parquet",
                                            "part-0000-start.parquet"));
  EXPECT_EQ(Totals(), R"({"rows":6000,"offsets":6000,"last":5999})");
  ASSERT_TRUE(Write(*writer, 6000, 6001));
  ASSERT_TRUE(writer->Flush());
  auto again = *Open();
  EXPECT_EQ(again->committed(), 6001u);
  EXPECT_EQ(again->committed_version(), VersionOf(6000));
}

TEST_F(LakeTest, KeepsWhatTheSelectGivesAndTheOffset) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 1));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(Ask("SELECT *"), R"({"id":"record number 0","amount":"0.00","_offset":0})");
  const auto files =
      ReadLakeFiles(*store_, *session_, "orders_history", {FileName(0, 0)});
  ASSERT_TRUE(files);
  const auto& metadata = files->front().metadata;
  EXPECT_EQ(metadata.at("millrace.writer"), "first-process");
  EXPECT_EQ(metadata.at("millrace.pipeline_hash"), "abc");
  EXPECT_EQ(metadata.at("millrace.rows"), "00000000000000000001");
  EXPECT_EQ(metadata.at("millrace.next_offset"), "00000000000000000001");
  EXPECT_EQ(metadata.at("millrace.last_version"), VersionOf(0).ToHex());
  EXPECT_EQ(metadata.at("millrace.column.amount"), "DECIMAL(10,2)");
}

TEST_F(LakeTest, KeepsAVersionThatTheSelectNames) {
  options_.columns = {{"_version", *Type::Parse("text")},
                      {"_offset", *Type::Parse("bigint")}};
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 1));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(Ask("SELECT *"),
            "{\"_version\":\"" + VersionOf(0).ToHex() + "\",\"_offset\":0}");
}

TEST_F(LakeTest, RollsWhenFullOrLate) {
  options_.roll_rows = 100;
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 99));
  EXPECT_EQ(writer->committed(), 0u);
  ASSERT_TRUE(Write(*writer, 99, 150));
  EXPECT_EQ(writer->committed(), 150u);
  ASSERT_TRUE(Write(*writer, 150, 151));
  now_ += std::chrono::seconds(61);
  ASSERT_TRUE(Write(*writer, 151, 152));
  EXPECT_EQ(writer->committed(), 152u);
}

TEST_F(LakeTest, RollsAtASizeThatItLearnsFromTheNewestFile) {
  options_.roll_bytes = 64u << 10u;
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 1000));  // what a row takes is not known yet
  ASSERT_TRUE(writer->Flush());
  for (int process = 0; process < 2; ++process) {
    writer = *Open();  // learns it from the folder
    const Offset begin = *writer->committed();
    for (Offset at = begin; at < begin + 60'000; at += 500) {
      ASSERT_TRUE(Write(*writer, at, at + 500));
    }
    EXPECT_GT(*writer->committed(), begin + 20'000);
    ASSERT_TRUE(writer->Flush());
  }
  std::size_t full = 0;
  for (const auto& object : *store_->List("orders_history")) {
    EXPECT_LT(object.bytes, 2 * options_.roll_bytes) << object.name;
    if (object.bytes > options_.roll_bytes / 2) ++full;
  }
  EXPECT_GE(full, 4u);
  EXPECT_EQ(Totals(), R"({"rows":121000,"offsets":121000,"last":120999})");
}

TEST_F(LakeTest, RollsWhenRowsBecomeLargerThanThoseBefore) {
  options_.roll_bytes = 64u << 10u;
  options_.columns = {{"note", *Type::Parse("text")}};
  auto columns = options_.columns;
  columns.push_back({"_offset", *Type::Parse("bigint")});
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  std::uint64_t random = 1;
  const auto write = [&](Offset at, std::size_t length) {
    sql::BatchBuilder builder(columns);
    for (Offset offset = at; offset < at + 1000; ++offset) {
      std::string note;
      while (note.size() < length) note += std::to_string(random *= 6364136223846793005U);
      builder.SetText(0, note);
      builder.SetInt(1, static_cast<std::int64_t>(offset));
      builder.EndRow();
    }
    return writer->Write(builder.Finish(), at, at + 1000, VersionOf(at + 999));
  };
  ASSERT_TRUE(write(0, 1));
  ASSERT_TRUE(writer->Flush());
  Offset at = 1000;
  for (; at < 50'000 && *writer->committed() == 1000; at += 1000) {
    ASSERT_TRUE(write(at, 400));
  }
  EXPECT_LT(at, 20'000u) << "the row groups on disk were not seen";
}

TEST_F(LakeTest, CommitsOffsetsThatGaveNoRows) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(writer->Write(Batch(), 0, 40, VersionOf(39)));
  ASSERT_TRUE(writer->Write(Batch(), 40, 40, VersionOf(39)));
  ASSERT_TRUE(writer->Flush());
  ASSERT_TRUE(writer->Flush());  // nothing to do
  EXPECT_EQ((*Open())->committed(), 40u);
  EXPECT_EQ(Ask("SELECT count(*) AS c"), R"({"c":0})");
  EXPECT_EQ(Names().size(), 2u);
}

TEST_F(LakeTest, RefusesToSkipOrRepeat) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 10));
  EXPECT_FALSE(Write(*writer, 11, 12));
  EXPECT_FALSE(Write(*writer, 9, 12));
  EXPECT_TRUE(Write(*writer, 10, 12));
}

TEST_F(LakeTest, SkipsWhatNobodyCanGiveItAndSaysWhy) {
  auto writer = *Open();
  EXPECT_FALSE(writer->Skip(9, "lost")) << "not begun";
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 3));
  EXPECT_FALSE(writer->Skip(9, "lost")) << "a roll is open";
  ASSERT_TRUE(writer->Flush());
  EXPECT_FALSE(writer->Skip(3, "lost"));
  ASSERT_TRUE(writer->Skip(9, "lost"));
  EXPECT_EQ(writer->committed(), 9u);
  auto again = *Open();
  EXPECT_EQ(again->committed(), 9u);
  ASSERT_TRUE(Write(*again, 9, 10));
  ASSERT_TRUE(again->Flush());
  EXPECT_EQ(Totals(), R"({"rows":4,"offsets":4,"last":9})");
  const auto files =
      ReadLakeFiles(*store_, *session_, "orders_history", {FileName(0, 3)});
  ASSERT_TRUE(files);
  EXPECT_EQ(files->front().metadata.at("millrace.gap"), "lost");
  EXPECT_EQ(files->front().rows, 0u);
}

TEST_F(LakeTest, DropsAnOpenRollWithItsProcess) {
  {
    auto writer = *Open();
    ASSERT_TRUE(writer->Start(0));
    ASSERT_TRUE(Write(*writer, 0, 10));
  }
  std::ofstream(root_ / "orders_history/_staging/part-0000-x.parquet") << "torn";
  auto writer = *Open();
  EXPECT_EQ(writer->committed(), 0u);
  EXPECT_TRUE(fs::is_empty(root_ / "orders_history/_staging"));
}

TEST_F(LakeTest, FencesTheWriterThatWasOvertaken) {
  auto slow = *Open();
  ASSERT_TRUE(slow->Start(0));
  ASSERT_TRUE(Write(*slow, 0, 10));
  {
    // The other process has its own engine; Open clears the staging folder.
    auto engine = MakeEngine();
    options_.writer_id = "second-process";
    auto fast = *LakeWriter::Open(*store_, *engine, options_);
    ASSERT_TRUE(Write(*fast, 0, 5));
    ASSERT_TRUE(fast->Flush());
  }
  // Its staged file was taken from it: it falls back, and the next roll tells it.
  EXPECT_EQ(slow->Flush().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(slow->committed(), 0u);
  ASSERT_TRUE(Write(*slow, 0, 10));
  EXPECT_EQ(slow->Flush().error().code(), ErrorCode::kFenced);
  EXPECT_EQ(Write(*slow, 0, 10).error().code(), ErrorCode::kFenced);
  EXPECT_EQ(Totals(), R"({"rows":5,"offsets":5,"last":4})");
}

TEST_F(LakeTest, TakesItsOwnFileForSuccess) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 10));
  ASSERT_TRUE(writer->Flush());
  // As after an answer that got lost: the same roll once more, by the same process.
  const fs::path file = root_ / "orders_history" / FileName(0, 0);
  fs::rename(file, root_ / "kept");
  auto again = *Open();
  ASSERT_TRUE(Write(*again, 0, 10));
  fs::rename(root_ / "kept", file);
  ASSERT_TRUE(again->Flush());
  EXPECT_EQ(again->committed(), 10u);
  EXPECT_TRUE(fs::is_empty(root_ / "orders_history/_staging"));
}

TEST_F(LakeTest, NamesAGapAnOverlapAndADamagedFile) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  for (Offset at = 0; at < 30; at += 10) {
    ASSERT_TRUE(Write(*writer, at, at + 10));
    ASSERT_TRUE(writer->Flush());
  }
  const fs::path directory = root_ / "orders_history";
  const auto expect_loss = [&](std::string_view name) {
    const auto opened = Open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(opened.error().message(), testing::HasSubstr(name));
  };
  fs::rename(directory / FileName(0, 10), root_ / "kept");
  expect_loss(FileName(0, 20));
  std::ofstream(directory / FileName(0, 10)) << "PAR1 torn in the middle PAR";
  expect_loss(FileName(0, 10));
  fs::copy_file(directory / FileName(0, 0), directory / FileName(0, 10),
                fs::copy_options::overwrite_existing);
  expect_loss(FileName(0, 10));  // not what its name says
  fs::rename(root_ / "kept", directory / FileName(0, 10));
  EXPECT_EQ((*Open())->committed(), 30u);
  fs::copy_file(directory / FileName(0, 20), directory / "part-copy.parquet");
  expect_loss("part-copy.parquet");
}

TEST_F(LakeTest, TakesNewColumnsAndRefusesChangedOnes) {
  {
    auto writer = *Open();
    ASSERT_TRUE(writer->Start(0));
    ASSERT_TRUE(Write(*writer, 0, 1));
    ASSERT_TRUE(writer->Flush());
  }
  options_.columns.push_back({"note", *Type::Parse("text")});
  {
    auto writer = *Open();
    ASSERT_TRUE(writer->Write(Rows(1, 2, options_.columns), 1, 2, VersionOf(1)));
    ASSERT_TRUE(writer->Flush());
  }
  EXPECT_EQ(Ask("SELECT count(*) AS c, count(note) AS n"), R"({"c":2,"n":1})");
  options_.columns = {{"id", *Type::Parse("text")}};  // two columns fewer
  {
    auto writer = *Open();
    ASSERT_TRUE(writer->Write(Rows(2, 3), 2, 3, VersionOf(2)));
    ASSERT_TRUE(writer->Flush());
  }
  options_.columns.push_back({"NOTE", *Type::Parse("bigint")});
  const auto changed = Open();
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(changed.error().message(), testing::HasSubstr("NOTE is BIGINT now"));
}

TEST_F(LakeTest, PartitionsAreWrittenSideBySide) {
  auto changes = *Open();
  ASSERT_TRUE(changes->Start(0));
  ASSERT_TRUE(Write(*changes, 0, 10));
  ASSERT_TRUE(changes->Flush());
  ASSERT_TRUE(Write(*changes, 10, 20));  // staged
  options_.partition = 1;
  auto redriven = *Open();
  EXPECT_FALSE(redriven->committed());
  ASSERT_TRUE(redriven->Start(0));
  ASSERT_TRUE(redriven->Write(Rows(100, 103), 0, 3, VersionOf(2)));
  ASSERT_TRUE(redriven->Flush());
  ASSERT_TRUE(changes->Flush()) << "the other's Open left what was staged";
  EXPECT_THAT(Names(), testing::ElementsAre(FileName(0, 0), FileName(0, 10), StartName(0),
                                            FileName(1, 0), StartName(1)));
  EXPECT_EQ(Totals(), R"({"rows":23,"offsets":23,"last":102})");
  EXPECT_EQ((*Open())->committed(), 3u);
  const auto tables = LakeCatalog(*store_, *session_).Tables();
  ASSERT_TRUE(tables) << tables.error().ToString();
  EXPECT_EQ(tables->front().rows, 23u);
  EXPECT_EQ(tables->front().next_offset, 20u) << "of the changes";
  options_.columns[1].type = schema::Type::Simple(schema::Kind::kDate);
  options_.partition = 2;
  EXPECT_FALSE(Open()) << "columns are the table's";
}

TEST_F(LakeTest, BelongsToOnePipeline) {
  ASSERT_TRUE((*Open())->Start(0));
  options_.owner = "other/lake";
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), testing::HasSubstr("belongs to orders/lake"));
}

TEST_F(LakeTest, RefusesBadPaths) {
  for (const char* path : {"", "/", "../x", "a/_b", "a*"}) {
    SCOPED_TRACE(path);
    options_.path = path;
    EXPECT_EQ(Open().error().code(), ErrorCode::kInvalidArgument);
  }
}

/// Lets no file grow over a few KiB, as a full disk does.
class SmallDisk {
 public:
  SmallDisk() {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit small{4096, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallDisk() { ::setrlimit(RLIMIT_FSIZE, &old_); }

 private:
  rlimit old_{};
};

TEST_F(LakeTest, AbandonsTheRollWhenTheDiskIsFullAndGoesOnLater) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  {
    const SmallDisk full;
    Status status;
    Offset at = 0;
    for (; at < 100'000 && status; at += 5000) status = Write(*writer, at, at + 5000);
    if (status) status = writer->Flush();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::kResourceExhausted);
  }
  EXPECT_EQ(writer->committed(), 0u);
  EXPECT_EQ(writer->due(), std::nullopt);
  EXPECT_TRUE(fs::is_empty(root_ / "orders_history/_staging"));
  ASSERT_TRUE(Write(*writer, 0, 5000));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(Totals(), R"({"rows":5000,"offsets":5000,"last":4999})");
}

}  // namespace
}  // namespace millrace::lake
