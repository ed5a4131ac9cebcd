#include "sql/batch.hpp"

#include <gtest/gtest.h>

#include "base/uuid.hpp"

namespace millrace::sql {
namespace {

using schema::Columns;
using schema::Kind;
using schema::Type;

Type Parse(std::string_view text) { return *Type::Parse(text); }

Type Object() {
  Type type = Type::Simple(Kind::kObject);
  type.children = {{"a", Parse("text")}, {"b", Parse("bigint[]")}};
  return type;
}

std::string Json(const Batch& batch, std::size_t column, std::size_t row) {
  std::string out;
  batch.AppendJson(out, column, row);
  return out;
}

TEST(Batch, GivesBackEveryLiteralAsItWasSet) {
  struct Case {
    Type type;
    std::vector<std::string> literals;
  };
  const std::vector<Case> cases = {
      {Parse("text"),
       {R"("")", R"("short")", R"("longer than twelve bytes")", R"("ü\n\"")"}},
      {Parse("boolean"), {"true", "false"}},
      {Parse("integer"), {"0", "-2147483648", "2147483647"}},
      {Parse("bigint"), {"-9223372036854775808", "9223372036854775807"}},
      {Parse("double"), {"0.1", "-5", "1e+20"}},
      {Parse("decimal(4,2)"), {R"("12.50")", R"("-0.01")"}},
      {Parse("decimal(9,2)"), {R"("1234567.50")"}},
      {Parse("decimal(18,3)"), {R"("-123456789012345.678")"}},
      {Parse("decimal(38,2)"), {R"("123456789012345678901234567890123456.78")"}},
      {Parse("date"), {R"("2013-01-31")", R"("0001-01-01")", R"("9999-12-31")"}},
      {Parse("timestamp"),
       {R"("2013-01-31T10:00:00Z")", R"("1969-12-31T23:59:59.999999Z")"}},
      {Parse("uuid"),
       {R"("00000000-0000-0000-0000-000000000000")",
        R"("ffffffff-ffff-ffff-ffff-ffffffffffff")",
        R"("018f3a5b-1c2d-7e3f-8a9b-0c1d2e3f4a5b")"}},
      {Parse("json"), {R"({"a":[1,1.10,"x y"]})", "17"}},
      {Parse("bytes"), {R"("")", R"("AAECAwQFBgcICQoLDA0ODw==")"}},
      {Parse("bigint[]"), {"[]", "[1,null,3]"}},
      {Parse("text[][]"), {R"([["a"],[],null,["b","a text over twelve"]])"}},
      {Object(), {R"({"a":"x","b":[1,2]})", R"({"a":null,"b":null})"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.type.ToString());
    BatchBuilder builder({{"c", c.type}});
    for (const auto& literal : c.literals) {
      ASSERT_TRUE(builder.SetLiteral(0, literal)) << literal;
      builder.EndRow();
    }
    builder.SetNull(0);
    builder.EndRow();
    const Batch batch = builder.Finish();
    ASSERT_EQ(batch.rows(), c.literals.size() + 1);
    for (std::size_t i = 0; i < c.literals.size(); ++i) {
      EXPECT_EQ(Json(batch, 0, i), c.literals[i]);
      EXPECT_FALSE(batch.IsNull(0, i));
    }
    EXPECT_TRUE(batch.IsNull(0, c.literals.size()));
    EXPECT_EQ(Json(batch, 0, c.literals.size()), "null");
  }
}

TEST(Batch, RefusesALiteralThatDoesNotFitAndGoesOnAfterAbandoningTheRow) {
  BatchBuilder builder(
      {{"n", Parse("integer")}, {"l", Parse("text[]")}, {"d", Parse("decimal(4,2)")}});
  EXPECT_FALSE(builder.SetLiteral(0, "2147483648"));
  EXPECT_FALSE(builder.SetLiteral(0, R"("1")"));
  EXPECT_FALSE(builder.SetLiteral(1, R"(["a text that is stored", 5])"));
  EXPECT_FALSE(builder.SetLiteral(2, R"("100.00")"));
  EXPECT_FALSE(builder.SetLiteral(2, R"("1.234")"));
  builder.SetNull(0);
  builder.SetNull(1);
  builder.AbandonRow();
  ASSERT_TRUE(builder.SetLiteral(0, "7"));
  ASSERT_TRUE(builder.SetLiteral(1, R"(["b"])"));
  ASSERT_TRUE(builder.SetLiteral(2, "1.5"));
  builder.EndRow();
  const Batch batch = builder.Finish();
  std::string row;
  batch.AppendJsonRow(row, 0);
  EXPECT_EQ(row, R"({"n":7,"l":["b"],"d":"1.50"})");
  row.clear();
  batch.AppendJsonRow(row, 0, {2, 0});
  EXPECT_EQ(row, R"({"d":"1.50","n":7})");
}

TEST(Batch, ARefusedArrayLeavesNoNullsToTheNextRow) {
  Type objects = Type::Simple(Kind::kArray);
  objects.children = {{"", Object()}};
  BatchBuilder builder({{"l", Parse("text[]")},
                        {"m", Parse("bigint[][]")},
                        {"o", objects},
                        {"p", Object()}});
  const auto refuse = [&](std::size_t column, const std::string& literal) {
    EXPECT_FALSE(builder.SetLiteral(column, literal)) << literal;
  };
  refuse(0, R"([null,null,5])");
  refuse(1, R"([[null,null],null,["x"]])");
  refuse(2, R"([null,{"a":null,"b":[null,null]},7])");
  refuse(3, R"({"a":null,"b":[null,null,"x"]})");
  builder.AbandonRow();
  const std::vector<std::string> literals = {R"(["a","b"])", R"([[1,2],[3]])",
                                             R"([{"a":"x","b":[1]},{"a":"y","b":[2,3]}])",
                                             R"({"a":"z","b":[4,5,6]})"};
  for (std::size_t i = 0; i < literals.size(); ++i) {
    ASSERT_TRUE(builder.SetLiteral(i, literals[i]));
  }
  builder.EndRow();
  const Batch batch = builder.Finish();
  for (std::size_t i = 0; i < literals.size(); ++i) {
    EXPECT_EQ(Json(batch, i, 0), literals[i]);
  }
}

TEST(Batch, ReadsTypedValuesAcrossBlocks) {
  BatchBuilder builder({{"i", Parse("integer")},
                        {"t", Parse("text")},
                        {"d", Parse("double")},
                        {"m", Parse("decimal(6,2)")},
                        {"b", Parse("boolean")},
                        {"u", Parse("uuid")},
                        {"at", Parse("timestamp")}},
                       5000);
  Uuid uuid{};
  for (int i = 0; i < 5000; ++i) {
    builder.SetInt(0, i);
    builder.SetText(1, "a text with the number " + std::to_string(i));
    builder.SetDouble(2, i / 2.0);
    builder.SetDecimal(3, i);
    builder.SetBool(4, i % 2 == 0);
    uuid[15] = static_cast<std::uint8_t>(i);
    builder.SetUuid(5, uuid);
    if (i % 3 == 0) {
      builder.SetNull(6);
    } else {
      builder.SetInt(6, i * 1'000'000LL);
    }
    builder.EndRow();
  }
  EXPECT_EQ(builder.rows(), 5000u);
  const Batch batch = builder.Finish();
  EXPECT_EQ(builder.rows(), 0u);
  ASSERT_EQ(batch.rows(), 5000u);
  for (const std::size_t row : {4999u, 0u, 2048u, 2047u, 4096u}) {
    EXPECT_EQ(batch.Int64(0, row), static_cast<std::int64_t>(row));
    EXPECT_EQ(batch.Text(1, row), "a text with the number " + std::to_string(row));
    EXPECT_EQ(batch.Double(2, row), static_cast<double>(row) / 2);
    EXPECT_EQ(batch.Int64(3, row), static_cast<std::int64_t>(row));
    EXPECT_EQ(batch.Int64(4, row), row % 2 == 0);
    EXPECT_EQ(batch.IsNull(6, row), row % 3 == 0);
  }
  EXPECT_EQ(Json(batch, 5, 255), R"("00000000-0000-0000-0000-0000000000ff")");
  EXPECT_EQ(batch.Find("m"), 3);
  EXPECT_EQ(batch.Find("none"), -1);
}

TEST(Batch, SelectsRowsInAnyOrder) {
  BatchBuilder builder({{"i", Parse("integer")}, {"t", Parse("text[]")}});
  for (int i = 0; i < 6000; ++i) {
    builder.SetInt(0, i);
    ASSERT_TRUE(builder.SetLiteral(1, "[\"text number " + std::to_string(i) + "\"]"));
    builder.EndRow();
  }
  const Batch batch = builder.Finish();
  std::vector<std::uint32_t> selection = {5999, 0, 2048, 2047, 1};
  for (std::uint32_t i = 0; i < 3000; ++i) selection.push_back(i * 2);
  const Batch selected = batch.Select(selection);
  ASSERT_EQ(selected.rows(), selection.size());
  for (std::size_t i = 0; i < selection.size(); ++i) {
    ASSERT_EQ(selected.Int64(0, i), selection[i]);
    ASSERT_EQ(Json(selected, 1, i),
              "[\"text number " + std::to_string(selection[i]) + "\"]");
  }
  EXPECT_EQ(batch.Select({}).rows(), 0u);
  EXPECT_EQ(batch.Select({}).columns(), batch.columns());
}

TEST(Batch, CanBeFilledAgain) {
  BatchBuilder builder({{"i", Parse("bigint")}});
  builder.SetInt(0, 1);
  builder.EndRow();
  EXPECT_EQ(builder.Finish().rows(), 1u);
  EXPECT_EQ(builder.Finish().rows(), 0u);
  builder.SetInt(0, 2);
  builder.EndRow();
  const Batch batch = builder.Finish();
  EXPECT_EQ(batch.Int64(0, 0), 2);
}

TEST(Batch, EmptyHasNoColumns) {
  const Batch batch;
  EXPECT_EQ(batch.rows(), 0u);
  EXPECT_TRUE(batch.columns().empty());
}

}  // namespace
}  // namespace millrace::sql
