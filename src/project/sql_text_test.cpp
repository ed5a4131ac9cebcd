#include "sql_text.hpp"

#include <gtest/gtest.h>

namespace millrace::project {
namespace {

/// The text under `key` of a one-level mapping.
SqlText TextOf(const std::string& content, std::string_view key) {
  std::vector<Problem> problems;
  Report report("p.yaml", problems);
  const auto root = ParseYaml(content, report);
  if (root)
    for (const auto& [name, value] : root->members)
      if (name.text == key) return LocateText(value, content, report);
  ADD_FAILURE() << "no " << key;
  return {};
}

TEST(SqlText, FindsTheWayBackIntoTheFile) {
  struct Case {
    std::string_view name;
    std::string content;
    std::string_view word;  ///< looked for in the text and in the file
  };
  const Case cases[] = {
      {"block", "a: 1\nsql: |\n  SELECT x\n    FROM changes\n", "FROM"},
      {"first line of a block", "sql: |\n    SELECT x\n", "SELECT"},
      {"block with a comment and a chomping sign",
       "sql: |-  # note\n  SELECT x\n  FROM y\n", "FROM"},
      {"block that begins with empty lines", "sql: |\n\n\n  SELECT x\n\n  FROM y\n",
       "FROM"},
      {"block with Windows line ends", "sql: |\r\n  SELECT x\r\n  FROM y\r\n", "FROM"},
      {"block with a given indent", "sql: |2\n    SELECT x\n  FROM y\n", "FROM"},
      {"plain", "sql: SELECT x FROM y\nb: 1\n", "FROM"},
      {"quoted", "sql: \"SELECT x FROM y\"\n", "FROM"},
      {"not ASCII before it", "sql: |\n  SELECT 'ü' FROM y\n", "FROM"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto sql = TextOf(c.content, "sql");
    EXPECT_TRUE(sql.exact);
    const auto place = sql.At(sql.text.find(c.word));
    const auto before = c.content.substr(0, c.content.find(c.word));
    EXPECT_EQ(place.file, "p.yaml");
    EXPECT_EQ(place.line, std::count(before.begin(), before.end(), '\n') + 1);
    EXPECT_EQ(place.column,
              static_cast<int>(before.size() - (before.rfind('\n') + 1)) + 1);
  }
}

TEST(SqlText, AnswersTheStartWhereTheTextWasChanged) {
  for (const std::string content :
       {"sql: >\n  SELECT x\n  FROM y\n", "sql: \"SELECT\\tx FROM y\"\n",
        "sql: SELECT x\n  FROM y\n"}) {
    SCOPED_TRACE(content);
    const auto sql = TextOf(content, "sql");
    EXPECT_FALSE(sql.exact);
    const auto place = sql.At(sql.text.find("FROM"));
    EXPECT_EQ(place.line, 1);
    EXPECT_EQ(place.column, 6);
  }
}

TEST(SqlText, StaysInsideItsText) {
  const auto sql = TextOf("sql: SELECT 1\n", "sql");
  EXPECT_EQ(sql.At(1000).column, 6 + 8);
}

}  // namespace
}  // namespace millrace::project
