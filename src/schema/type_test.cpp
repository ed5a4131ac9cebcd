#include "schema/type.hpp"

#include <gtest/gtest.h>

#include "schema/collection.hpp"

namespace millrace::schema {
namespace {

TEST(TypeParse, ReadsEachType) {
  struct Case {
    std::string_view text;
    std::string_view canonical;
    std::string_view sql;
  };
  constexpr Case kCases[] = {
      {"text", "text", "VARCHAR"},
      {"boolean", "boolean", "BOOLEAN"},
      {"integer", "integer", "INTEGER"},
      {"bigint", "bigint", "BIGINT"},
      {"double", "double", "DOUBLE"},
      {"decimal(10,2)", "decimal(10,2)", "DECIMAL(10,2)"},
      {"decimal( 38 , 38 )", "decimal(38,38)", "DECIMAL(38,38)"},
      {"decimal(5)", "decimal(5,0)", "DECIMAL(5,0)"},
      {"date", "date", "DATE"},
      {"timestamp", "timestamp", "TIMESTAMPTZ"},
      {"uuid", "uuid", "UUID"},
      {"json", "json", "JSON"},
      {"bytes", "bytes", "BLOB"},
      {"bigint[]", "bigint[]", "BIGINT[]"},
      {" text[][] ", "text[][]", "VARCHAR[][]"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto type = Type::Parse(c.text);
    ASSERT_TRUE(type.has_value());
    EXPECT_EQ(type->ToString(), c.canonical);
    EXPECT_EQ(type->ToSql(), c.sql);
    EXPECT_EQ(Type::Parse(type->ToString()).value(), *type);
  }
}

TEST(TypeParse, RefusesOthersWithTheWayOut) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "text, boolean"},
      {"txet", "did you mean text?"},
      {"string", "did you mean text?"},
      {"float", "did you mean double?"},
      {"Bigint", "did you mean bigint?"},
      {"decimal", "decimal(10,2)"},
      {"decimal(39,2)", "1 to 38"},
      {"decimal(5,6)", "1 to 38"},
      {"decimal(0,0)", "1 to 38"},
      {"decimal(5,2", "decimal(p,s)"},
      {"decimal(5,2)x", "decimal(p,s)"},
      {"text[][][][][][][][][]", "at most 8"},
      {"numeric", "decimal(p,s)"},
      {"[]", "is not a type"}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    const auto type = Type::Parse(text);
    ASSERT_FALSE(type.has_value());
    EXPECT_NE(type.error().message().find(want), std::string::npos)
        << type.error().message();
  }
}

TEST(Type, WritesObjects) {
  Type object = Type::Simple(Kind::kObject);
  object.children = {{"sku", Type::Simple(Kind::kText)}, {"price", Type::Decimal(10, 2)}};
  EXPECT_EQ(object.ToString(), "{sku: text, price: decimal(10,2)}");
  EXPECT_EQ(object.ToSql(), "STRUCT(\"sku\" VARCHAR, \"price\" DECIMAL(10,2))");
  EXPECT_FALSE(object.scalar());
  auto other = object;
  other.children[1].type.scale = 3;
  EXPECT_FALSE(object == other);
}

TEST(Collection, DocumentColumnsEndWithTheSystemFields) {
  Collection collection;
  collection.name = "orders";
  collection.key = "id";
  collection.fields = {{.name = "id", .type = Type::Simple(Kind::kBigint)}};
  collection.version = "rev";
  const auto columns = collection.DocumentColumns();
  ASSERT_EQ(columns.size(), 4u);
  EXPECT_EQ(columns[0].name, "id");
  EXPECT_EQ(columns[1].name, "_created_at");
  EXPECT_EQ(columns[3].name, "rev");
  EXPECT_EQ(columns[2].type.kind, Kind::kTimestamp);
  EXPECT_EQ(collection.Find("id"), 0u);
  EXPECT_EQ(collection.Find("none"), std::nullopt);
}

TEST(Type, WidensWhereEveryLiteralStaysTheSame) {
  const auto widens = [](const char* from, const char* to) {
    return Widens(*Type::Parse(from), *Type::Parse(to));
  };
  EXPECT_TRUE(widens("integer", "bigint"));
  EXPECT_TRUE(widens("integer[]", "bigint[]"));
  EXPECT_TRUE(widens("decimal(10,2)", "decimal(12,2)"));
  EXPECT_TRUE(widens("text", "text"));
  EXPECT_FALSE(widens("bigint", "integer"));
  EXPECT_FALSE(widens("decimal(12,2)", "decimal(10,2)"));
  EXPECT_FALSE(widens("decimal(10,2)", "decimal(12,3)"));
  EXPECT_FALSE(widens("integer", "double"));
  EXPECT_FALSE(widens("integer", "bigint[]"));
  EXPECT_FALSE(widens("date", "timestamp"));
}

}  // namespace
}  // namespace millrace::schema
