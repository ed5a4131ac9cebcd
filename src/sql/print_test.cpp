#include "sql/print.hpp"

#include <gtest/gtest.h>

namespace millrace::sql {
namespace {

using schema::Type;

Batch Sample() {
  BatchBuilder builder({{"name", *Type::Parse("text")},
                        {"amount", *Type::Parse("decimal(10,2)")},
                        {"n", *Type::Parse("bigint")},
                        {"at", *Type::Parse("timestamp")},
                        {"more", *Type::Parse("json")}});
  const std::vector<std::vector<std::string>> rows = {
      {R"("größer")", R"("12.50")", "-3", R"("2013-01-01T05:00:00Z")", R"({"a":"x"})"},
      {R"("a \"b\", c\nd")", "null", "42", "null", "null"},
      {R"("")", R"("0.00")", "0", "null", R"("text")"},
  };
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c)
      EXPECT_TRUE(builder.SetLiteral(c, row[c]));
    builder.EndRow();
  }
  return builder.Finish();
}

std::string Print(Format format, const std::vector<const Batch*>& blocks) {
  std::string out;
  Printer printer(format, [&](std::string_view text) { out += text; });
  for (const auto* block : blocks) printer.Add(*block);
  printer.Finish();
  return out;
}

TEST(Printer, WritesJson) {
  const Batch batch = Sample();
  EXPECT_EQ(
      Print(Format::kJson, {&batch}),
      "[{\"name\":\"größer\",\"amount\":12.50,\"n\":-3,\"at\":\"2013-01-01T05:00:00Z\","
      "\"more\":{\"a\":\"x\"}},\n"
      " {\"name\":\"a \\\"b\\\", c\\nd\",\"amount\":null,\"n\":42,\"at\":null,"
      "\"more\":null},\n"
      " {\"name\":\"\",\"amount\":0.00,\"n\":0,\"at\":null,\"more\":\"text\"}]\n");
  EXPECT_EQ(Print(Format::kJson, {}), "[]\n");
}

TEST(Printer, WritesAnObjectALine) {
  const Batch batch = Sample().Select({2});
  EXPECT_EQ(Print(Format::kNdjson, {&batch, &batch}),
            "{\"name\":\"\",\"amount\":0.00,\"n\":0,\"at\":null,\"more\":\"text\"}\n"
            "{\"name\":\"\",\"amount\":0.00,\"n\":0,\"at\":null,\"more\":\"text\"}\n");
}

TEST(Printer, WritesCsv) {
  const Batch batch = Sample();
  EXPECT_EQ(Print(Format::kCsv, {&batch}),
            "name,amount,n,at,more\n"
            "größer,12.50,-3,2013-01-01T05:00:00Z,\"{\"\"a\"\":\"\"x\"\"}\"\n"
            "\"a \"\"b\"\", c\nd\",,42,,\n"
            "\"\",0.00,0,,\"\"\"text\"\"\"\n");
}

TEST(Printer, WritesAnAlignedTable) {
  const Batch batch = Sample();
  EXPECT_EQ(Print(Format::kTable, {&batch}),
            "name        amount   n  at                    more\n"
            "----------  ------  --  --------------------  ---------\n"
            "größer       12.50  -3  2013-01-01T05:00:00Z  {\"a\":\"x\"}\n"
            "a \"b\", c d          42                        \n"
            "              0.00   0                        \"text\"\n"
            "(3 rows)\n");
  const Batch none = batch.Select({});
  EXPECT_EQ(Print(Format::kTable, {&none}),
            "name  amount  n  at  more\n----  ------  -  --  ----\n(0 rows)\n");
}

TEST(Printer, ShortensLongCells) {
  BatchBuilder builder({{"t", *Type::Parse("text")}});
  std::string text;
  for (int i = 0; i < 60; ++i) text += "ü";
  builder.SetText(0, text);
  builder.EndRow();
  const Batch batch = builder.Finish();
  const std::string out = Print(Format::kTable, {&batch});
  EXPECT_NE(out.find(text.substr(0, 47 * 2) + "…\n"), std::string::npos) << out;
  EXPECT_EQ(out.find(text.substr(0, 48 * 2)), std::string::npos);
}

TEST(Printer, NamesItsFormats) {
  EXPECT_EQ(*ParseFormat("csv"), Format::kCsv);
  EXPECT_EQ(ParseFormat("xml").error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::sql
