#include "base/result.hpp"

#include <gtest/gtest.h>

namespace millrace {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  MR_TRY(const auto half, Half(number));
  MR_CHECK_OK(Half(half));
  return Half(half);
}

TEST(Result, MacrosGiveTheErrorUp) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().message(), "odd");
  EXPECT_EQ(Quarter(3).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Error, SaysWhatAndWhere) {
  const auto error = Error(ErrorCode::kDataLoss, "bad checksum").During("read 000.log");
  EXPECT_EQ(error.ToString(), "data_loss: read 000.log: bad checksum");
  EXPECT_FALSE(error.retryable());
  const Error fields(ErrorCode::kInvalidArgument, "2 bad fields",
                     {{"/a", "expected text"}, {"/b", "missing"}});
  EXPECT_EQ(fields.ToString(),
            "invalid_argument: 2 bad fields; /a: expected text; /b: missing");
}

TEST(ErrorCode, EveryCodeHasItsOwnName) {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kFenced); ++code) {
    const auto name = ToString(static_cast<ErrorCode>(code));
    EXPECT_NE(name, "unknown");
    for (const auto other : names) EXPECT_NE(name, other);
    names.push_back(name);
  }
}

}  // namespace
}  // namespace millrace
