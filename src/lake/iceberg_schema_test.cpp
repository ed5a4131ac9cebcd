#include "iceberg_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::lake {
namespace {

using schema::Type;

Type Object() {
  Type type = Type::Simple(schema::Kind::kObject);
  type.children = {{"a", *Type::Parse("json")}, {"l", *Type::Parse("bigint[]")}};
  return type;
}

TEST(IcebergSchema, NumbersColumnsAndWhatIsInThem) {
  IcebergSchema schema;
  int last = 0;
  EXPECT_TRUE(*Extend(schema,
                      {{"id", *Type::Parse("text")},
                       {"o b", Object()},
                       {"at", *Type::Parse("timestamp")}},
                      last));
  EXPECT_EQ(last, 6);
  EXPECT_EQ(FieldIdsSql(schema),
            R"({"id": 1, "o b": {__duckdb_field_id: 2, "a": 3, )"
            R"("l": {__duckdb_field_id: 4, "element": 5}}, "at": 6})");
  EXPECT_EQ(ColumnsOf(schema)[1].type.ToSql(), R"(STRUCT("a" VARCHAR, "l" BIGINT[]))")
      << "there is no JSON in Iceberg";
  const auto json = ToJson(schema);
  EXPECT_EQ(json["fields"][2].dump(),
            R"({"id":6,"name":"at","required":false,"type":"timestamptz"})");
  EXPECT_EQ(ToJson(SchemaFromJson(json)), json);
}

TEST(IcebergSchema, KeepsIdsWhileColumnsComeAndTypesWiden) {
  IcebergSchema schema;
  int last = 0;
  const schema::Columns first = {{"n", *Type::Parse("integer")},
                                 {"l", *Type::Parse("integer[]")},
                                 {"d", *Type::Parse("decimal(8,2)")}};
  ASSERT_TRUE(Extend(schema, first, last));
  const auto before = schema;
  EXPECT_FALSE(*Extend(schema, first, last)) << "nothing new";
  EXPECT_FALSE(*Extend(schema, {}, last)) << "a column that is gone stays";
  EXPECT_TRUE(*Extend(schema,
                      {{"N", *Type::Parse("bigint")},
                       {"l", *Type::Parse("bigint[]")},
                       {"d", *Type::Parse("decimal(10,2)")},
                       {"more", *Type::Parse("boolean")}},
                      last));
  ASSERT_EQ(schema.fields.size(), 4u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(schema.fields[i].id, before.fields[i].id);
  EXPECT_EQ(schema.fields[3].id, 5);
  EXPECT_EQ(ToJson(schema)["fields"][0]["type"], "long");
  EXPECT_EQ(ToJson(schema)["fields"][1]["type"]["element"], "long");
  EXPECT_EQ(ToJson(schema)["fields"][2]["type"], "decimal(10, 2)");
  EXPECT_FALSE(*Extend(schema, first, last)) << "older files are narrower";
}

TEST(IcebergSchema, NamesAColumnOfAnotherType) {
  IcebergSchema schema;
  int last = 0;
  ASSERT_TRUE(Extend(schema, {{"n", *Type::Parse("integer")}}, last));
  const auto refused = Extend(schema, {{"n", *Type::Parse("text")}}, last);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(),
              testing::HasSubstr("column n is VARCHAR in the lake, and INTEGER"));
}

TEST(IcebergSchema, RefusesWhatIsNoSchema) {
  for (const char* text : {"1", "{}", R"({"schema-id":0,"type":"struct"})",
                           R"({"schema-id":0,"type":"struct","fields":[{"id":"x"}]})"}) {
    EXPECT_THROW(SchemaFromJson(Json::parse(text)), Json::exception) << text;
  }
}

}  // namespace
}  // namespace millrace::lake
