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

/// The index of SQLite's log grows after the commit is in the log: here by one of more
/// than the 4,062 pages of its first part.
TEST_P(DiskFaults, NobodyKnowsOfACommitThatFoundNoRoomForItsIndex) {
  vfs_.Set(Fault::kIndexFull);
  std::string records;
  for (int i = 0; i < 85; ++i) {
    records += (i > 0 ? "," : "[") +
               OrderJson("k" + std::to_string(i),
                         R"(,"status":")" + std::string(100'000, 's') + R"(")");
  }
  const auto reply = Create(records + "]");
  EXPECT_EQ(reply.code(), ErrorCode::kDeadlineExceeded)
      << reply.written.error().ToString();
  EXPECT_FALSE(embedded().Health());
}

/// Fifty bytes of a patch may make megabytes of change.
TEST_P(DiskFaults, AGroupEndsWhereItsChangesAreManyBytes) {
  ASSERT_TRUE(
      CreateOrder("big", R"(,"note":")" + std::string(1u << 20u, 'n') + '"').ok());
  std::vector<std::future<Reply>> replies;
  const int before = vfs_.syncs();
  {
    const HeldWriter held(*open_.store, CreateRequest(OrderJson("held")));
    for (int i = 0; i < 40; ++i) {
      replies.push_back(Start(Request(PatchOp("big", R"({"status":"s"})"))));
    }
  }
  for (auto& reply : replies) EXPECT_TRUE(reply.get().ok());
  EXPECT_GE(vfs_.syncs() - before, 5);
}

INSTANTIATE_TEST_SUITE_P(Embedded, DiskFaults,
                         ::testing::Values(Adapter{
                             "Embedded",
                             [] { return std::make_unique<EmbeddedPlace>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
