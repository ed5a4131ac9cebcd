#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_directory.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {
namespace {

constexpr std::int64_t kParts = 96, kRows = 256;
constexpr std::int64_t kRowSize = 4096, kMiB = std::int64_t{1} << 20u;

/// A warehouse whose guest has `kParts` parts of a MiB: more than its memory.
class GuestRowsTest : public testing::Test {
 protected:
  GuestRowsTest() {
    EmbeddedWarehouseOptions options;
    options.directory = directory_.path();
    options.memory_limit = 64 * kMiB;
    options.readers = 1;
    options.guest = Guest();
    auto opened = OpenEmbeddedWarehouse(std::move(options));
    EXPECT_TRUE(opened) << opened.error().ToString();
    warehouse_ = std::move(*opened);
  }
  GuestTable Guest() {
    GuestTable guest;
    guest.info.name = "visitors";
    guest.info.key = "id";
    guest.info.columns = {{"id", schema::Type::Simple(schema::Kind::kBigint)},
                          {"text", schema::Type::Simple(schema::Kind::kText)}};
    guest.read = [this, columns = guest.info.columns](
                     const std::vector<query::Filter>& filters,
                     const GuestTable::Part& part) -> Status {
      filters_ = filters;
      sql::BatchBuilder builder(columns);
      for (std::int64_t id = 0; id < kParts * kRows; ++id) {
        if (id == fails_at_) return Fail(ErrorCode::kUnavailable, "no more visitors");
        builder.SetInt(0, id);
        builder.SetText(1, std::string(kRowSize, static_cast<char>(97 + id % 26)));
        builder.EndRow();
        if ((id + 1) % kRows == 0) MR_CHECK_OK(part(builder.Finish()));
      }
      return {};
    };
    return guest;
  }
  /// The first row's numbers.
  Result<std::vector<std::int64_t>> Ask(const std::string& select,
                                        Deadline deadline = Deadline::Never()) {
    std::vector<std::int64_t> numbers;
    MR_CHECK_OK(warehouse_->Query(select, deadline, [&](const sql::Batch& block) {
      for (std::size_t i = 0; block.rows() > 0 && i < block.columns().size(); ++i)
        numbers.push_back(block.Int64(i, 0));
      return false;
    }));
    return numbers;
  }

  TestDirectory directory_;
  std::int64_t fails_at_ = -1;
  std::vector<query::Filter> filters_;
  std::unique_ptr<Warehouse> warehouse_;
};

TEST_F(GuestRowsTest, MoreThanTheMemoryIsATableForOneQuery) {
  const std::string used =
      "SELECT sum(memory_usage_bytes + temporary_storage_bytes)::BIGINT FROM "
      "duckdb_memory()";
  const auto before = Ask(used);
  ASSERT_TRUE(before) << before.error().ToString();
  for (int i = 0; i < 2; ++i) {
    const auto answer =
        Ask("SELECT count(*)::BIGINT, sum(length(text))::BIGINT, max(id)::BIGINT FROM "
            "Visitors");
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_THAT(*answer,
                testing::ElementsAre(kParts * kRows, kParts * kMiB, kParts * kRows - 1));
  }
  const auto after = Ask(used);
  ASSERT_TRUE(after) << after.error().ToString();
  EXPECT_LT(after->at(0), before->at(0) + 16 * kMiB);
}

TEST_F(GuestRowsTest, WhatFailsOnTheWayLeavesNothing) {
  fails_at_ = 2 * kRows;
  EXPECT_EQ(Ask("SELECT count(*)::BIGINT FROM visitors").error().code(),
            ErrorCode::kUnavailable);
  const auto past = Deadline::After(std::chrono::seconds(-1));
  EXPECT_EQ(Ask("SELECT count(*)::BIGINT FROM visitors", past).error().code(),
            ErrorCode::kDeadlineExceeded);
  fails_at_ = 0;
  EXPECT_EQ(Ask("SELECT 1::BIGINT FROM duckdb_tables() WHERE table_name LIKE 'visit%'"),
            std::vector<std::int64_t>());
  fails_at_ = -1;
  EXPECT_EQ(Ask("SELECT count(*)::BIGINT FROM visitors"), std::vector{kParts * kRows});
}

TEST_F(GuestRowsTest, ReadsOfTheApiSayWhatTheyLookFor) {
  query::Query query;
  query.filters = {{0, query::Op::kEq, false, {"7"}}};
  query.order = {{0, false}};
  query.limit = 5;
  const auto info = warehouse_->FindTable("visitors");
  ASSERT_TRUE(info) << info.error().ToString();
  const auto page = warehouse_->Rows(*info, query, Deadline::Never());
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(filters_, query.filters);
}

}  // namespace
}  // namespace millrace::warehouse
