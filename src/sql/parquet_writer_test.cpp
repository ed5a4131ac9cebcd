#include "sql/parquet_writer.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

namespace millrace::sql {
namespace {

using schema::Columns;
using schema::Type;

Type Parse(std::string_view text) { return *Type::Parse(text); }

const Columns& TestColumns() {
  static const Columns columns = {
      {"n", Parse("bigint")},     {"text", Parse("text")},
      {"at", Parse("timestamp")}, {"amount", Parse("decimal(10,2)")},
      {"tags", Parse("text[]")},  {"id", Parse("uuid")},
      {"more", Parse("json")}};
  return columns;
}

Batch Rows(std::int64_t from, std::int64_t count) {
  BatchBuilder builder(TestColumns());
  Uuid uuid{};
  for (std::int64_t i = from; i < from + count; ++i) {
    builder.SetInt(0, i);
    builder.SetText(1, "the text of number " + std::to_string(i));
    builder.SetInt(2, i * 1'000'000);
    builder.SetDecimal(3, i);
    if (i % 7 == 0) {
      builder.SetNull(4);
    } else {
      EXPECT_TRUE(builder.SetLiteral(4, R"(["a","a tag with many letters"])"));
    }
    uuid[15] = static_cast<std::uint8_t>(i);
    builder.SetUuid(5, uuid);
    builder.SetText(6, R"({"a":1})");
    builder.EndRow();
  }
  return builder.Finish();
}

class ParquetWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("mr_parquet_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    EngineOptions options;
    options.directories = {directory_};
    engine_ = *Engine::Open(options);
    session_ = *engine_->Connect();
    path_ = directory_ / "it's.parquet";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Ask(const std::string& select) {
    auto answer =
        session_->Query(select + " FROM read_parquet(" + QuoteText(path_.string()) + ")");
    if (!answer) return answer.error().ToString();
    std::string out;
    for (std::size_t row = 0; row < answer->rows(); ++row)
      answer->AppendJsonRow(out, row);
    return out;
  }

  std::filesystem::path directory_, path_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
};

TEST_F(ParquetWriterTest, WritesEveryRowInOrder) {
  ParquetOptions options;
  options.row_group_rows = 10'000;
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), options);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(writer->Write(Rows(i * 5000, 5000)));
  EXPECT_EQ(writer->rows(), 60'000u);
  const auto finished = writer->Finish();
  ASSERT_TRUE(finished) << finished.error().ToString();
  EXPECT_EQ(Ask("SELECT count(*) AS c, count(tags) AS t, sum(n) AS s, "
                "count(*) FILTER (n = file_row_number) AS in_order"),
            R"({"c":60000,"t":51428,"s":"1799970000","in_order":60000})");
  const auto groups =
      session_->Query("SELECT count(DISTINCT row_group_id) FROM parquet_metadata(" +
                      QuoteText(path_.string()) + ")");
  EXPECT_EQ(groups->Int64(0, 0), 6);
}

TEST_F(ParquetWriterTest, HasFewerRowsInARowGroupWhereRowsAreLarge) {
  ParquetOptions options;
  options.memory_share = 2048;  // 128 KiB
  const Columns columns = {{"l", Parse("text[]")}, {"n", Parse("bigint")}};
  auto writer = *ParquetWriter::Create(*engine_, path_, columns, options);
  const auto write = [&](int rows, std::size_t length) {
    BatchBuilder builder({{"l", Parse("text[]")}, {"n", Parse("bigint")}});
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(builder.SetLiteral(0, "[\"" + std::string(length, 'x') + "\"]"));
      builder.SetInt(1, i);
      builder.EndRow();
    }
    ASSERT_TRUE(writer->Write(builder.Finish()));
  };
  for (int i = 0; i < 10; ++i) write(100, 1000);
  EXPECT_FALSE(writer->overfull());
  write(50, 100'000);
  EXPECT_TRUE(writer->overfull());
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Ask("SELECT count(*) AS c, max(len(l[1])) AS l"), R"({"c":1050,"l":100000})");
  const auto groups =
      session_->Query("SELECT max(row_group_num_rows) FROM parquet_metadata(" +
                      QuoteText(path_.string()) + ")");
  EXPECT_EQ(groups->Int64(0, 0), 200) << "the first batch with which it is full";
}

TEST_F(ParquetWriterTest, KeepsTypes) {
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), {});
  ASSERT_TRUE(writer->Write(Rows(1, 1)));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Ask("SELECT *"),
            R"({"n":1,"text":"the text of number 1","at":"1970-01-01T00:00:01Z",)"
            R"("amount":"0.01","tags":["a","a tag with many letters"],)"
            R"("id":"00000000-0000-0000-0000-000000000001","more":{"a":1}})");
  EXPECT_EQ(Ask("SELECT typeof(\"at\") AS t, typeof(id) AS i, typeof(more) AS m"),
            R"({"t":"TIMESTAMP WITH TIME ZONE","i":"UUID","m":"JSON"})");
}

TEST_F(ParquetWriterTest, KeepsMetadataKnownEarlyAndLate) {
  ParquetOptions options;
  options.metadata = {{"millrace.writer", "it's"}};
  options.late_numbers = {"millrace.rows", "millrace.next_offset"};
  options.late_texts = {{"millrace.last_version", 32}};
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), options);
  ASSERT_TRUE(writer->Write(Rows(0, 3)));
  const std::string version(32, 'a');
  ASSERT_TRUE(writer->Finish(
      {{"millrace.rows", 3}, {"millrace.next_offset", 18446744073709551615u}},
      {{"millrace.last_version", version}}));
  const auto metadata = ReadParquetMetadata(*session_, path_);
  ASSERT_TRUE(metadata) << metadata.error().ToString();
  EXPECT_EQ(metadata->at("millrace.writer"), "it's");
  EXPECT_EQ(metadata->at("millrace.rows"), "00000000000000000003");
  EXPECT_EQ(metadata->at("millrace.next_offset"), "18446744073709551615");
  EXPECT_EQ(metadata->at("millrace.last_version"), version);
  EXPECT_EQ(Ask("SELECT count(*) AS c"), R"({"c":3})");
}

TEST_F(ParquetWriterTest, RefusesToFinishWithoutALateValue) {
  ParquetOptions options;
  options.late_numbers = {"rows"};
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), options);
  EXPECT_EQ(writer->Finish().error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(ParquetWriterTest, WritesAFileWithoutRows) {
  ParquetOptions options;
  options.late_numbers = {"rows"};
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), options);
  ASSERT_TRUE(writer->Finish({{"rows", 0}}));
  EXPECT_EQ(Ask("SELECT count(*) AS c, count(amount) AS a"), R"({"c":0,"a":0})");
}

TEST_F(ParquetWriterTest, TakesTheNamedColumnsOnly) {
  auto writer = *ParquetWriter::Create(
      *engine_, path_, {{"text", Parse("text")}, {"n", Parse("bigint")}}, {});
  ASSERT_TRUE(writer->Write(Rows(5, 1)));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Ask("SELECT *"), R"({"text":"the text of number 5","n":5})");
}

TEST_F(ParquetWriterTest, SaysWhatABatchLacks) {
  auto writer = *ParquetWriter::Create(*engine_, path_, {{"other", Parse("text")}}, {});
  Status status = writer->Write(Rows(0, 1));
  if (status) status = writer->Finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ParquetWriterTest, LeavesNothingWhenAbandoned) {
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), {});
  ASSERT_TRUE(writer->Write(Rows(0, 5000)));
  writer.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  // Without any batch, and with a full hand-over.
  ParquetWriter::Create(*engine_, path_, TestColumns(), {})->reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ParquetWriterTest, SaysThatThePathCannotBeWritten) {
  auto writer = *ParquetWriter::Create(*engine_, "/nowhere/x.parquet", TestColumns(), {});
  const auto finished = writer->Finish();
  EXPECT_FALSE(finished);
}

TEST_F(ParquetWriterTest, SaysThatTheDiskIsFull) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit small{100'000, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  auto writer = *ParquetWriter::Create(*engine_, path_, TestColumns(), {});
  Status status;
  for (int i = 0; i < 40 && status; ++i) status = writer->Write(Rows(i * 5000, 5000));
  if (status) status = writer->Finish();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  ASSERT_FALSE(status);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(status.error().code(), ErrorCode::kResourceExhausted)
      << status.error().message();
}

TEST_F(ParquetWriterTest, LetsOtherSessionsWorkWhileItWaits) {
  auto first = *ParquetWriter::Create(*engine_, path_, TestColumns(), {});
  auto second =
      *ParquetWriter::Create(*engine_, directory_ / "2.parquet", TestColumns(), {});
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(first->Write(Rows(i, 100)));
    ASSERT_TRUE(second->Write(Rows(i, 100)));
    EXPECT_EQ(session_->Query("SELECT sum(range) FROM range(100000)")->rows(), 1u);
  }
  EXPECT_TRUE(second->Finish());
  EXPECT_TRUE(first->Finish());
}

TEST_F(ParquetWriterTest, CallsADamagedFileDataLoss) {
  std::ofstream(path_) << "PAR1 but not a Parquet file at all PAR2";
  EXPECT_EQ(ReadParquetMetadata(*session_, path_).error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace millrace::sql
