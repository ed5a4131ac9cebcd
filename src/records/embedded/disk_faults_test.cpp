#include <gtest/gtest.h>

#include "../testing/conformance_fixture.hpp"
#include "faulty_vfs.hpp"
#include "test_place.hpp"

namespace millrace::records::testing {
namespace {

using Fault = FaultyVfs::Fault;

class DiskFaults : public RecordsConformance {
 protected:
  EmbeddedRecords& embedded() { return static_cast<EmbeddedRecords&>(*open_.store); }
  void TearDown() override {
    vfs_.Set(Fault::kNone);
    Close();
  }

  FaultyVfs vfs_;
};

TEST_P(DiskFaults, EveryAnsweredWriteIsSyncedFirst) {
  for (int i = 0; i < 5; ++i) {
    const int before = vfs_.syncs();
    ASSERT_TRUE(CreateOrder("k" + std::to_string(i)).ok());
    EXPECT_GT(vfs_.syncs(), before);
  }
}

TEST_P(DiskFaults, AFullDiskRefusesWritesAndHealsByItself) {
  const auto first = CreateOrder("a");
  ASSERT_TRUE(first.ok());
  vfs_.Set(Fault::kDiskFull);
  EXPECT_EQ(CreateOrder("b").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(Write(WithKey(CreateRequest(OrderJson("c")), "k")).code(),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(Create("[" + OrderJson("d") + "," + OrderJson("e") + "]").code(),
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(Get("a"));
  EXPECT_FALSE(Get("b"));
  EXPECT_TRUE(embedded().Health());

  vfs_.Set(Fault::kNone);
  EXPECT_TRUE(CreateOrder("b").ok());
  const auto kept = Write(WithKey(CreateRequest(OrderJson("c")), "k"));
  EXPECT_TRUE(kept.ok());
  EXPECT_FALSE(kept.replayed);
  const auto changes = Changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes.back().position.low, first.one().version.position + 2);
  EXPECT_EQ(SumOf("orders").changes, 3u);
}

TEST_P(DiskFaults, AfterAFailedSyncNothingIsAcknowledgedUntilAReopen) {
  ASSERT_TRUE(CreateOrder("a").ok());
  vfs_.Set(Fault::kSyncFails);
  EXPECT_EQ(CreateOrder("b").code(), ErrorCode::kDeadlineExceeded)
      << "the next start may find it";
  vfs_.Set(Fault::kNone);
  EXPECT_EQ(CreateOrder("c").code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(embedded().Health());
  EXPECT_TRUE(Get("a"));
  EXPECT_FALSE(Get("b"));
  EXPECT_EQ(Changes().size(), 1u);
  Reopen();
  EXPECT_TRUE(embedded().Health());
  EXPECT_TRUE(Get("a"));
  EXPECT_TRUE(CreateOrder("d").ok());
}

TEST_P(DiskFaults, AFailedWriteEndsWritingToo) {
  ASSERT_TRUE(CreateOrder("a").ok());
  vfs_.Set(Fault::kWriteFails);
  EXPECT_EQ(CreateOrder("b").code(), ErrorCode::kDeadlineExceeded);
  vfs_.Set(Fault::kNone);
  EXPECT_EQ(CreateOrder("c").code(), ErrorCode::kUnavailable);
  Reopen();
  EXPECT_FALSE(Get("b"));
  EXPECT_TRUE(CreateOrder("b").ok());
}

INSTANTIATE_TEST_SUITE_P(Embedded, DiskFaults,
                         ::testing::Values(Adapter{
                             "Embedded",
                             [] { return std::make_unique<EmbeddedPlace>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
