#include "import_reader.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <zlib.h>

#include <fstream>

namespace millrace::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Files of a directory of its own.
class ImportReaderTest : public testing::Test {
 protected:
  ImportReaderTest() {
    auto name = (std::filesystem::temp_directory_path() / "mr_import_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ImportReaderTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path Write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name, std::ios::binary) << content;
    return directory_ / name;
  }

  static CollectionShape Shape() {
    using schema::Type;
    return {"id",
            {{"id", Type::Simple(schema::Kind::kText)},
             {"note", Type::Simple(schema::Kind::kText)},
             {"size", Type::Simple(schema::Kind::kInteger)}}};
  }

  /// "line: body" or "line! problem" of each row; "line!! message" where reading ended.
  std::vector<std::string> Read(const std::string& name, const std::string& content,
                                const ImportRules& rules = {{}, {"NA"}}) {
    auto reader = ImportReader::Open(Write(name, content), Shape(), rules);
    if (!reader) return {"0!! " + reader.error().ToString()};
    std::vector<std::string> out;
    for (;;) {
      const auto row = (*reader)->Next();
      if (!row) {
        out.push_back(std::to_string((*reader)->line()) + "!! " + row.error().message());
        return out;
      }
      if (!*row) return out;
      const auto line = std::to_string((*row)->line);
      const auto& problem = (*row)->problem;
      out.push_back(problem.empty() ? line + ": " + (*row)->body : line + "! " + problem);
    }
  }

  static std::string Gzip(const std::filesystem::path& path, const std::string& content) {
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path directory_;
};

TEST_F(ImportReaderTest, ReadsCellsAsTheirTypes) {
  EXPECT_THAT(Read("a.csv",
                   "\xef\xbb\xbfid,note,size\r\na,,1\r\n\r\nb,\"\",NA\r\n\n"
                   "c,\"x, \"\"y\"\"\nz\",3\nd,\"q\"\r\n"),
              ElementsAre(R"(2: {"id":"a","note":null,"size":1})",
                          R"(4: {"id":"b","note":"","size":null})",
                          R"(6: {"id":"c","note":"x, \"y\"\nz","size":3})",
                          "8! 2 cells, the header has 3"));
}

TEST_F(ImportReaderTest, ReportsEachBadLineAndReadsTheNext) {
  struct Case {
    const char* name;
    std::string line;
    const char* problem;
  };
  const Case cases[] = {
      {"text behind a quote", "a,\"b\"c,1", "text behind a closing quote"},
      {"too few cells", "a,b", "2 cells, the header has 3"},
      {"too many cells", "a,b,1,2", "4 cells, the header has 3"},
      {"not of the type", "a,b,x", "size: must be"},
      {"too large a number", "a,b,99999999999", "size: must be"},
      {"bad UTF-8", "a,\xff\xfe,1", "note: "},
      {"half a UTF-8 character", "a,\xc3,1", "note: "},
      {"NUL", std::string("a,b\0c,1", 7), "note: "},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto rows = Read("a.csv", "id,note,size\n" + c.line + "\nz,,1\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_THAT(rows[0], testing::StartsWith("2! " + std::string(c.problem)));
    EXPECT_EQ(rows[1], R"(3: {"id":"z","note":null,"size":1})");
  }
}

TEST_F(ImportReaderTest, KeepsACarriageReturnWithinACell) {
  EXPECT_THAT(Read("a.csv", "id,note\na\rb,c\r\n"),
              ElementsAre(R"(2: {"id":"a\rb","note":"c"})"));
}

TEST_F(ImportReaderTest, AQuoteThatIsNeverClosedIsReportedWhereItBegins) {
  EXPECT_THAT(Read("a.csv", "id,note\na,b\nc,\"d\ne,f\n"),
              ElementsAre(testing::_, testing::StartsWith("3! a quote is never closed")));
}

TEST_F(ImportReaderTest, RefusesAHeaderThatCannotBeUsed) {
  const auto refused = [this](const std::string& content) {
    return Read("a.csv", content).front();
  };
  EXPECT_THAT(refused("id,nte\n"), HasSubstr("nte: no such field; did you mean note?"));
  EXPECT_THAT(refused("id,note,id\n"), HasSubstr("id: stands in the header twice"));
  EXPECT_THAT(refused(""), HasSubstr("a.csv: the file is empty"));
}

TEST_F(ImportReaderTest, ACutOrBrokenGzipFileIsNoShortFile) {
  std::string content = "id,note\n";
  for (int i = 0; i < 20'000; ++i) content += std::to_string(i * 7919) + ",x\n";
  const auto packed = Gzip(directory_ / "whole.csv.gz", content);
  EXPECT_EQ(Read("a.csv.gz", packed).size(), 20'000u);
  const auto cut = Read("a.csv.gz", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(cut.back(), HasSubstr("!! the gzip data end too early"));
  EXPECT_THAT(Read("a.csv.gz", packed.substr(0, packed.size() - 4)).back(),
              HasSubstr("!! "));
  auto flipped = packed;
  flipped[packed.size() - 6] ^= 1;  // of the checksum
  EXPECT_THAT(Read("a.csv.gz", flipped).back(), HasSubstr("broken gzip data"));
}

TEST_F(ImportReaderTest, NdjsonIsOneObjectALine) {
  EXPECT_THAT(Read("a.ndjson",
                   "\xef\xbb\xbf{\"id\":\"a\"}\r\n \n[{\"id\":\"b\"},{}]\nnull\n{\"id\""),
              ElementsAre("1: {\"id\":\"a\"}",
                          R"(3! expected one JSON object, got '[{"id":"b"},{}]')",
                          "4! expected one JSON object, got 'null'", "5: {\"id\""));
}

TEST_F(ImportReaderTest, ColumnsGoToTheFieldsThatAMapNames) {
  const ImportRules rules{{{"Customer No", "id"}, {"junk", ""}}, {"NA", ""}};
  EXPECT_THAT(
      Read("a.csv", "Customer No,junk,note\nc1,x,\"\"\nc2,y,NA\n", rules),
      ElementsAre(R"(2: {"id":"c1","note":null})", R"(3: {"id":"c2","note":null})"));
  EXPECT_THAT(Read("a.ndjson",
                   R"({"Customer No": "c1", "junk": {"a":[1]}, "note": "", "size": 4})"
                   "\n",
                   rules),
              ElementsAre(R"(1: {"id":"c1","note":null,"size":4})"));
  // What is broken goes to the server as it is.
  EXPECT_THAT(Read("b.ndjson", "{\"junk\": 1} more\n{\"id\":\n", rules),
              ElementsAre("1: {\"junk\": 1} more", "2: {\"id\":"));
}

TEST_F(ImportReaderTest, AMapThatFitsNeitherFileNorCollectionIsRefused) {
  EXPECT_THAT(Read("a.csv", "id\n1\n", {{{"ID", "id"}}, {}}),
              ElementsAre(HasSubstr("header has columns that cannot be used")));
  EXPECT_THAT(Read("a.csv", "id\n1\n", {{{"id", "ident"}}, {}}),
              ElementsAre(HasSubstr("--map id=ident: the collection has no such field")));
  EXPECT_THAT(Read("a.csv", "id,ID\n1,2\n", {{{"ID", "id"}}, {}}),
              ElementsAre(HasSubstr("cannot be used")));
  EXPECT_FALSE(ParseFieldMap({"id"}));
  EXPECT_FALSE(ParseFieldMap({"=id"}));
  EXPECT_FALSE(ParseFieldMap({"a=b", "a=c"}));
  EXPECT_EQ(ParseFieldMap({"a=b=id"})->at("a=b"), "id");
}

}  // namespace
}  // namespace millrace::app
