#include "lake_file.hpp"

#include <cstdlib>

#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

/// What docs/formats/lake-file.md says of a file, as text.
std::string Describe(sql::Session& session, const fs::path& file) {
  std::string out;
  const auto add = [&](const std::string& select) {
    auto answer = session.Query(select);
    EXPECT_TRUE(answer) << answer.error().ToString();
    for (std::size_t row = 0; answer && row < answer->rows(); ++row) {
      answer->AppendJsonRow(out, row);
      out += '\n';
    }
  };
  const std::string path = sql::QuoteText(file.string());
  add("SELECT decode(key) AS k, decode(value) AS v FROM parquet_kv_metadata(" + path +
      ") WHERE decode(key) LIKE 'millrace.%' ORDER BY 1");
  add("SELECT name, type, converted_type, logical_type FROM parquet_schema(" + path +
      ")");
  add("SELECT * FROM read_parquet(" + path + ")");
  return out;
}

TEST_F(LakeTest, WritesFilesAsTheFormatPageSays) {
  options_.columns.push_back({"at", *Type::Parse("timestamp")});
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(41));
  auto columns = options_.columns;
  columns.push_back({"_offset", *Type::Parse("bigint")});
  sql::BatchBuilder builder(columns);
  const std::vector<std::string> literals = {R"("a")", R"("12.50")",
                                             R"("2013-01-01T05:00:00Z")", "41"};
  for (std::size_t c = 0; c < literals.size(); ++c) {
    ASSERT_TRUE(builder.SetLiteral(c, literals[c]));
  }
  builder.EndRow();
  ASSERT_TRUE(writer->Write(builder.Finish(), 41, 43, VersionOf(42)));
  ASSERT_TRUE(writer->Flush());
  const fs::path golden = fs::path(MR_TEST_DATA) / "lake/lake-file.golden.txt";
  const std::string text =
      Describe(*session_, root_ / "orders_history" / FileName(0, 41));
  if (std::getenv("MR_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(golden) << text;
    fs::copy_file(root_ / "orders_history" / FileName(0, 41),
                  fs::path(MR_TEST_DATA) / "lake/lake-file.golden.parquet",
                  fs::copy_options::overwrite_existing);
  }
  const auto expected = ReadFile(golden);
  ASSERT_TRUE(expected) << expected.error().ToString();
  EXPECT_EQ(text, *expected);
}

TEST_F(LakeTest, ReadsTheFilesOfTheFirstRelease) {
  fs::create_directories(root_ / "orders_history");
  fs::copy_file(fs::path(MR_TEST_DATA) / "lake/lake-file.golden.parquet",
                root_ / "orders_history" / FileName(0, 41));
  options_.columns.push_back({"at", *Type::Parse("timestamp")});
  const auto writer = Open();
  ASSERT_TRUE(writer) << writer.error().ToString();
  EXPECT_EQ((*writer)->committed(), 43u);
  EXPECT_EQ((*writer)->committed_version(), VersionOf(42));
}

}  // namespace
}  // namespace millrace::lake
