#include "lake/compact.hpp"

#include "iceberg_table.hpp"
#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

using testing::HasSubstr;

class CompactTest : public LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    to_ = root_ / "_copy";
    compact_.folder = "orders_history";
    compact_.to = to_;
    writer_engine_ = MakeEngine();
  }
  /// A roll of each of `ends`, from where the table is.
  void Fill(std::initializer_list<Offset> ends) {
    auto writer = *Open();
    if (!writer->committed()) ASSERT_TRUE(writer->Start(0));
    Offset at = *writer->committed();
    for (const Offset end : ends) {
      ASSERT_TRUE(
          writer->Write(Rows(at, end, options_.columns), at, end, VersionOf(end - 1)));
      ASSERT_TRUE(writer->Flush());
      at = end;
    }
  }
  Result<CompactReport> Run() {
    CompactProgress progress;
    return Compact(*store_, *engine_, *writer_engine_, compact_, progress);
  }
  void ExpectRefused(ErrorCode code, std::string_view why) {
    const auto report = Run();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code(), code) << report.error().ToString();
    EXPECT_THAT(report.error().message(), HasSubstr(why));
  }
  std::string AskCopy(const std::string& select) {
    auto answer = session_->Query(select + " FROM read_parquet('" + to_.string() +
                                  "/data/*.parquet', union_by_name = true)");
    if (!answer) return answer.error().ToString();
    std::string out;
    for (std::size_t row = 0; row < answer->rows(); ++row)
      answer->AppendJsonRow(out, row);
    return out;
  }
  std::vector<std::string> NamesIn(const char* folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(to_ / folder)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  std::string Hint() { return *ReadFile(to_ / "metadata/version-hint.text"); }

  fs::path to_;
  CompactOptions compact_;
  std::unique_ptr<sql::Engine> writer_engine_;
};

TEST_F(CompactTest, BringsEachOffsetOnce) {
  Fill({10, 20, 30});
  auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->version, 1);
  EXPECT_EQ(report->rows, 30u);
  EXPECT_EQ(report->files, 3u);
  EXPECT_EQ(report->data_files, 1u);
  EXPECT_EQ(report->next.at(0), 30u);
  report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->version, 1) << "nothing new";
  EXPECT_EQ(report->rows, 0u);
  EXPECT_EQ(report->total_rows, 30u);
  Fill({31, 45});
  report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->version, 2);
  EXPECT_EQ(report->rows, 15u);
  EXPECT_EQ(report->total_rows, 45u);
  EXPECT_EQ(Hint(), "2");
  EXPECT_EQ(AskCopy("SELECT count(*) AS rows, count(DISTINCT _offset) AS offsets, "
                    "max(id) AS id"),
            R"({"rows":45,"offsets":45,"id":"record number 9"})");
}

TEST_F(CompactTest, KeepsValuesWhateverTheFoldersAboveAreNamed) {
  store_ = std::make_unique<objects::FileObjectStore>(root_ / "id=other");
  Fill({1});
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(AskCopy("SELECT id"), R"({"id":"record number 0"})");
}

TEST_F(CompactTest, ClosesFilesAndSortsThemByOffset) {
  compact_.file_rows = 4096;
  Fill({5000, 10'000, 10'001});
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->data_files, 3u);
  EXPECT_EQ(NamesIn("data"), (std::vector<std::string>{"00001-0000-00000.parquet",
                                                       "00001-0000-00001.parquet",
                                                       "00001-0000-00002.parquet"}));
  EXPECT_EQ(AskCopy("SELECT count(DISTINCT _offset - file_row_number) AS files"),
            R"({"files":3})");
}

TEST_F(CompactTest, SortsRowsThatASelectPutInAnOrderOfItsOwn) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(writer->Write(Rows(0, 5).Select({4, 1, 3, 0, 2}), 0, 5, VersionOf(4)));
  ASSERT_TRUE(writer->Flush());
  ASSERT_TRUE(Run());
  EXPECT_EQ(AskCopy("SELECT bool_and(_offset = file_row_number) AS sorted"),
            R"({"sorted":true})");
}

TEST_F(CompactTest, CountsOffsetsWithoutRows) {
  ASSERT_TRUE((*Open())->Start(7));
  auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->version, 1) << "a table of no rows";
  EXPECT_EQ(report->next.at(0), 7u);
  ASSERT_TRUE(Run());
  auto writer = *Open();
  ASSERT_TRUE(writer->Write(Batch(), 7, 40, VersionOf(39)));
  ASSERT_TRUE(writer->Flush());
  report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->version, 2);
  EXPECT_EQ(report->next.at(0), 40u);
  EXPECT_TRUE(NamesIn("data").empty());
  Fill({41});
  report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->total_rows, 1u);
}

TEST_F(CompactTest, TakesPartitionsAsTheyCome) {
  Fill({10});
  ASSERT_TRUE(Run());
  options_.partition = 1;
  Fill({5});
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->rows, 5u);
  EXPECT_EQ(report->next, (std::map<std::uint32_t, Offset>{{0, 10}, {1, 5}}));
  EXPECT_EQ(AskCopy("SELECT count(*) AS rows"), R"({"rows":15})");
  fs::remove(root_ / "orders_history" / FileName(1, 0));
  fs::remove(root_ / "orders_history" / StartName(1));
  ExpectRefused(ErrorCode::kInvalidArgument, "part-0001-* are gone");
}

TEST_F(CompactTest, TakesAColumnThatOnlyAnotherPartitionHas) {
  Fill({10});
  const auto before = options_.columns;
  options_.columns.push_back({"d", *Type::Parse("text")});
  options_.partition = 1;
  Fill({5});
  options_.columns = before;
  options_.partition = 0;
  Fill({20});  // its metadata name d, which the file does not have
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(AskCopy("SELECT count(*) AS rows, count(d) AS d"), R"({"rows":25,"d":5})");
}

TEST_F(CompactTest, FollowsColumnsThatComeAndTypesThatWiden) {
  options_.columns = {{"id", *Type::Parse("text")}, {"amount", *Type::Parse("integer")}};
  Fill({10});
  ASSERT_TRUE(Run());
  options_.columns[1].type = *Type::Parse("bigint");
  options_.columns.push_back({"note", *Type::Parse("text")});
  Fill({20});
  options_.columns.erase(options_.columns.begin() + 1);
  Fill({30});
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(
      AskCopy("SELECT count(*) AS rows, count(amount) AS amounts, count(note) AS notes, "
              "typeof(any_value(amount)) AS amount"),
      R"({"rows":30,"amounts":20,"notes":20,"amount":"BIGINT"})");
  const auto table = IcebergTable::Open(to_);
  ASSERT_TRUE(table) << table.error().ToString();
  EXPECT_EQ(table->metadata().schema().id, 1);
  std::string columns;
  for (const auto& field : table->metadata().schema().fields) {
    columns +=
        field.name + " " + std::to_string(field.id) + " " + field.type.ToSql() + ";";
  }
  EXPECT_EQ(columns, "id 1 VARCHAR;amount 2 BIGINT;_offset 3 BIGINT;note 4 VARCHAR;");
}

TEST_F(CompactTest, RemovesWhatAKilledRunLeft) {
  Fill({10});
  ASSERT_TRUE(Run());
  const auto leave = [&](const char* name) { std::ofstream(to_ / name) << "torn"; };
  leave("data/00002-0000-00000.parquet");
  leave("data/00002-0000-00001.parquet.tmp");
  leave("metadata/manifest-00002.avro");
  leave("metadata/snap-00002.avro");
  leave("metadata/v2.metadata.json.new.tmp");
  leave("metadata/version-hint.text");
  fs::create_directories(to_ / ".spill-of-it");
  leave(".spill-of-it/duckdb_temp_storage-0.tmp");
  {
    const auto held = IcebergTable::Open(root_ / "_other");
    fs::create_directories(root_ / "_other" / ".spill-of-it");
    compact_.to = root_ / "_other";
    ExpectRefused(ErrorCode::kFenced, "another process writes this copy");
    EXPECT_TRUE(fs::exists(root_ / "_other" / ".spill-of-it")) << "it is in use";
    compact_.to = to_;
  }
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_FALSE(fs::exists(to_ / ".spill-of-it"));
  EXPECT_EQ(NamesIn("data"), std::vector<std::string>{"00001-0000-00000.parquet"});
  EXPECT_EQ(NamesIn("metadata"),
            (std::vector<std::string>{".lock", "manifest-00001.avro", "snap-00001.avro",
                                      "v1.metadata.json", "version-hint.text"}));
  EXPECT_EQ(Hint(), "1");
}

TEST_F(CompactTest, RefusesWhatItDidNotMakeItself) {
  ExpectRefused(ErrorCode::kNotFound, "no lake table in orders_history");
  EXPECT_FALSE(fs::exists(to_)) << "nothing was made for it";
  Fill({10});
  fs::create_directories(to_);
  std::ofstream(to_ / "holiday.jpg") << "x";
  ExpectRefused(ErrorCode::kInvalidArgument, "holds other files (holiday.jpg)");
  fs::remove(to_ / "holiday.jpg");
  fs::create_directories(to_ / "metadata");
  std::ofstream(to_ / "metadata/v3.metadata.json") << R"({"format-version":2})";
  ExpectRefused(ErrorCode::kDataLoss, "v3.metadata.json: ");
  fs::remove(to_ / "metadata/v3.metadata.json");
  compact_.to = root_ / "_copy#1";
  ExpectRefused(ErrorCode::kInvalidArgument, "? # and % have a meaning");
}

TEST_F(CompactTest, RefusesTheCopyOfAnotherTable) {
  Fill({10, 20});
  ASSERT_TRUE(Run());
  fs::rename(root_ / "orders_history", root_ / "kept");
  Fill({10});
  ExpectRefused(ErrorCode::kInvalidArgument, "was the lake built anew?");
  Fill({25});
  ExpectRefused(ErrorCode::kInvalidArgument, "was the lake built anew?");
  fs::remove_all(root_ / "orders_history");
  options_.owner = "other/lake";
  Fill({20, 30});
  ExpectRefused(ErrorCode::kInvalidArgument, "is a copy of what orders/lake writes");
}

TEST_F(CompactTest, RefusesACopyThatWasMovedOrIsWritten) {
  Fill({10});
  ASSERT_TRUE(Run());
  {
    const auto held = IcebergTable::Open(to_);
    ASSERT_TRUE(held);
    ExpectRefused(ErrorCode::kFenced, "another process writes this copy");
  }
  compact_.to = root_ / "_moved";
  fs::rename(to_, compact_.to);
  ExpectRefused(ErrorCode::kInvalidArgument, "move it back, or make a new copy");
}

TEST_F(CompactTest, NamesAMissingAndADamagedFile) {
  Fill({10, 20, 30});
  const auto middle = root_ / "orders_history" / FileName(0, 10);
  fs::rename(middle, root_ / "kept");
  ExpectRefused(ErrorCode::kDataLoss,
                FileName(0, 20) + ": offsets before it are missing");
  std::ofstream(middle) << "PAR1 torn in the middle PAR";
  ExpectRefused(ErrorCode::kDataLoss, FileName(0, 10));
  fs::rename(root_ / "kept", middle);
  EXPECT_TRUE(Run());
}

TEST_F(CompactTest, SaysBoundsThatHoldEveryValue) {
  options_.columns = {{"id", *Type::Parse("text")}, {"amount", *Type::Parse("text")}};
  Fill({300});
  ASSERT_TRUE(Run());
  const auto table = IcebergTable::Open(to_);
  ASSERT_TRUE(table);
  const auto measured =
      Measure(*session_, (to_ / "data/00001-0000-00000.parquet").string(),
              table->metadata().schema());
  ASSERT_TRUE(measured) << measured.error().ToString();
  EXPECT_EQ(measured->values.at(1), 300);
  EXPECT_EQ(measured->nulls.at(1), 0);
  EXPECT_GT(measured->column_bytes.at(1), 0);
  EXPECT_EQ(measured->lower.at(1), "record number 0");
  EXPECT_EQ(measured->upper.at(1), "record number 99");
  EXPECT_EQ(measured->lower.at(3), std::string(8, '\0'));
  EXPECT_EQ(measured->upper.at(3), std::string("\x2b\x01\0\0\0\0\0\0", 8));
}

TEST_F(CompactTest, CopiesLargeRowsInLittleMemory) {
  options_.columns = {{"id", *Type::Parse("text")},
                      {"amount", *Type::Parse("bigint")},
                      {"note", *Type::Parse("text")}};
  fs::create_directories(root_ / "orders_history");
  {
    auto writer = *Open();
    ASSERT_TRUE(writer->Start(0));
    auto columns = options_.columns;
    columns.push_back({"_offset", *Type::Parse("bigint")});
    for (Offset at = 0; at < 20'000; at += 2000) {
      sql::BatchBuilder builder(columns);
      for (Offset offset = at; offset < at + 2000; ++offset) {
        builder.SetText(0, std::to_string(offset));
        builder.SetInt(1, static_cast<std::int64_t>(offset));
        builder.SetText(2, std::string(1500, static_cast<char>('a' + offset % 26)) +
                               std::to_string(offset));
        builder.SetInt(3, static_cast<std::int64_t>(offset));
        builder.EndRow();
      }
      ASSERT_TRUE(writer->Write(builder.Finish(), at, at + 2000, VersionOf(at + 1999)));
    }
    ASSERT_TRUE(writer->Flush());
  }
  sql::EngineOptions small;
  small.directories = {root_};
  small.memory_limit = 20u << 20u;  // and no folder to spill to
  engine_ = *sql::Engine::Open(small);
  writer_engine_ = *sql::Engine::Open(small);
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->total_rows, 20'000u);
  EXPECT_EQ(report->data_files, 1u);
  EXPECT_EQ(AskCopy("SELECT count(DISTINCT _offset) AS offsets, min(length(note)) AS l"),
            R"({"offsets":20000,"l":1501})");
}

TEST_F(CompactTest, CutsLongTextBoundsUpwards) {
  fs::create_directories(root_);
  const auto file = root_ / "x.parquet";
  const auto copied = session_->Run(
      "COPY (SELECT * FROM (VALUES ('abcdefghijklmnopqrst', 'ü', -128::DECIMAL(9,1), "
      "NULL::DATE), ('b', 'v', 128::DECIMAL(9,1), NULL)) t(a, b, c, d)) TO " +
      sql::QuoteText(file.string()) + " (FORMAT parquet)");
  ASSERT_TRUE(copied) << copied.error().ToString();
  IcebergSchema schema;
  int last = 0;
  ASSERT_TRUE(Extend(schema,
                     {{"a", *Type::Parse("text")},
                      {"b", *Type::Parse("text")},
                      {"c", *Type::Parse("decimal(9,1)")},
                      {"d", *Type::Parse("date")}},
                     last));
  auto measured = Measure(*session_, file.string(), schema);
  ASSERT_TRUE(measured) << measured.error().ToString();
  EXPECT_EQ(measured->lower.at(1), "abcdefghijklmnop");
  EXPECT_EQ(measured->upper.at(1), "b");
  EXPECT_FALSE(measured->lower.contains(2)) << "not ASCII";
  EXPECT_EQ(measured->lower.at(3), std::string("\xfb\0", 2)) << "-1280";
  EXPECT_EQ(measured->upper.at(3), std::string("\x05\0", 2)) << "1280";
  EXPECT_EQ(measured->nulls.at(4), 2);
  EXPECT_FALSE(measured->lower.contains(4));
  ASSERT_TRUE(session_->Run("COPY (SELECT 'abcdefghijklmnopqrst' AS a) TO " +
                            sql::QuoteText(file.string()) + " (FORMAT parquet)"));
  schema.fields.resize(1);
  measured = Measure(*session_, file.string(), schema);
  EXPECT_EQ(measured->upper.at(1), "abcdefghijklmnoq");
}

}  // namespace
}  // namespace millrace::lake
