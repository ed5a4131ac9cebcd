#include "table_sums.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(TableSums, QuestionsComeThroughASocketAsTheyAre) {
  const TableQuestion asked{"orders",
                            {"order_id", "an amount"},
                            {3, 900},
                            {7, UINT64_MAX},
                            std::pair<std::uint64_t, std::uint64_t>{3, UINT64_MAX},
                            true};
  const auto got = DecodeQuestion(Encode(asked));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->table, asked.table);
  EXPECT_EQ(got->columns, asked.columns);
  EXPECT_EQ(got->bounds, asked.bounds);
  EXPECT_EQ(got->without, asked.without);
  EXPECT_EQ(got->list, asked.list);
  EXPECT_TRUE(got->by_ordinal);
  EXPECT_FALSE(DecodeQuestion(Encode(TableQuestion{"t", {}, {}, {}, {}, {}}))->list);
}

TEST(TableSums, AnswersComeThroughASocketAsTheyAre) {
  const TableAnswer said{17, 5, {{1, 2}, {0, 0}, {5, UINT64_MAX}}, {{4, 9}, {4, 10}}};
  const auto got = DecodeAnswer(Encode(said));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->next, said.next);
  EXPECT_EQ(got->slices, said.slices);
  EXPECT_EQ(got->items, said.items);
  EXPECT_EQ(got->redriven, said.redriven);
  EXPECT_FALSE(DecodeAnswer(Encode(TableAnswer{}))->next);
  EXPECT_FALSE(DecodeAnswer("s 12 xyz\n"));
}

TEST(TableSums, AKeyHashesAlikeAsNumberAndAsText) {
  EXPECT_EQ(KeyHash("42"), KeyHash("\"42\""));
  EXPECT_NE(KeyHash("42"), KeyHash("43"));
}

}  // namespace
}  // namespace millrace::app
