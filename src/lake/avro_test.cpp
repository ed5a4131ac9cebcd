#include "avro.hpp"

#include <gtest/gtest.h>

namespace millrace::lake {
namespace {

using namespace std::string_literals;

TEST(Avro, EncodesAsTheSpecificationSays) {
  struct Case {
    std::int64_t number;
    std::string bytes;
  };
  const Case cases[] = {
      {0, "\0"s},       {-1, "\x01"},  {1, "\x02"},           {-2, "\x03"},
      {64, "\x80\x01"}, {-64, "\x7f"}, {8192, "\x80\x80\x01"}};
  for (const auto& c : cases) {
    AvroEncoder out;
    out.Number(c.number);
    EXPECT_EQ(out.bytes(), c.bytes) << c.number;
  }
  AvroEncoder out;
  out.Number(INT64_MIN);
  EXPECT_EQ(out.bytes(), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  out = {};
  out.BeginItems(2);
  out.Text("foo");
  out.Branch(1);
  out.EndItems();
  EXPECT_EQ(out.bytes(), "\x04\x06"s + "foo\x02\0"s);
  out = {};
  out.BeginItems(0);
  out.EndItems();
  EXPECT_EQ(out.bytes(), "\0"s);
}

TEST(Avro, WritesOneBlockOfRecords) {
  const auto file = AvroContainer("\"int\"", {{"a", "b"}}, {"\x02"s, "\x04"s});
  const auto head = "Obj\x01\x06\x02"s + "a\x02" + "b\x14" + "avro.codec\x08null\x16" +
                    "avro.schema\x0a\"int\"\0"s;
  ASSERT_EQ(file.substr(0, head.size()), head);
  const auto marker = file.substr(head.size(), 16);
  EXPECT_EQ(file.substr(head.size() + 16), "\x04\x04\x02\x04" + marker);
  const auto empty = AvroContainer("\"int\"", {{"a", "b"}}, {});
  EXPECT_EQ(empty.size(), head.size() + 16);
}

}  // namespace
}  // namespace millrace::lake
