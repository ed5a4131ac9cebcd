#include "scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_place.hpp"

namespace millrace::records {
namespace {

/// Or who scans would take a damaged file for one without the collection.
TEST(ScanTable, WhatCannotBeReadIsNotAbsent) {
  const testing::EmbeddedPlace place;
  auto db = Database::Open(place.directory() / "any.db", {Database::Mode::kWriter});
  ASSERT_TRUE(db) << db.error().ToString();
  ASSERT_TRUE(db->Exec("CREATE TABLE stored(name TEXT, number INTEGER)"));
  ASSERT_TRUE(db->Exec("INSERT INTO stored VALUES ('orders', -9223372036854775807 - 1)"));
  ASSERT_TRUE(
      db->Exec("CREATE VIEW collections AS SELECT name FROM stored WHERE "
               "abs(number) > 0"));
  const auto scanned = ScanTable(*db, "orders", [](const auto&) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code(), ErrorCode::kInternal);
  EXPECT_THAT(scanned.error().message(), ::testing::HasSubstr("integer overflow"));
}

}  // namespace
}  // namespace millrace::records
