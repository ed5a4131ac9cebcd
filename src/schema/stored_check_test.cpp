#include "schema/stored_check.hpp"

#include <gtest/gtest.h>

namespace millrace::schema {
namespace {

Field Amount() {
  Field field{.name = "amount", .type = Type::Decimal(10, 2)};
  field.min_json = "\"5.00\"";
  return field;
}

TEST(StoredCheck, SaysWhatAValueBreaks) {
  StoredCheck check(Amount());
  EXPECT_TRUE(check.HasRules());
  EXPECT_EQ(check.Broken(R"({"id":"a","amount":"5.00"})"), "");
  EXPECT_NE(check.Broken(R"({"id":"a","amount":"4.99"})").find("5.00"),
            std::string::npos);
  EXPECT_NE(check.Broken(R"({"id":"a","amount":true})"), "");
}

TEST(StoredCheck, AbsentAndNullBreakOnlyRequired) {
  auto field = Amount();
  EXPECT_EQ(StoredCheck(field).Broken(R"({"id":"a"})"), "");
  EXPECT_EQ(StoredCheck(field).Broken(R"({"amount":null})"), "");
  field.required = true;
  EXPECT_EQ(StoredCheck(field).Broken(R"({"id":"a"})"), "is required");
  EXPECT_EQ(StoredCheck(field).Broken(R"({"amount":null})"), "must not be null");
  field.default_json = "\"7.00\"";
  EXPECT_EQ(StoredCheck(field).Broken(R"({"id":"a"})"), "");
}

TEST(StoredCheck, TextsKeepTheirLengthAndTheirList) {
  Field note{.name = "note", .type = Type::Simple(Kind::kText)};
  note.max_length = 40;
  StoredCheck length(note);
  EXPECT_EQ(length.Broken(R"({"note":"short, and \"quoted\""})"), "");
  EXPECT_NE(length.Broken("{\"note\":\"" + std::string(41, 'n') + "\"}"), "");
  note.max_length.reset();
  note.in_json = {R"("a text that is longer than a small buffer")"};
  StoredCheck list(note);
  EXPECT_EQ(list.Broken(R"({"note":"a text that is longer than a small buffer"})"), "");
  EXPECT_NE(list.Broken(R"({"note":"another that is longer than a small buffer"})"), "");
}

TEST(StoredCheck, AFieldWithoutRulesHasNone) {
  EXPECT_FALSE(
      StoredCheck({.name = "note", .type = Type::Simple(Kind::kText)}).HasRules());
}

}  // namespace
}  // namespace millrace::schema
