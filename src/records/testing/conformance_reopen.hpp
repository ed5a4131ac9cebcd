#pragma once

#include "conformance_fixture.hpp"

namespace millrace::records::testing {

TEST_P(RecordsConformance, EverythingAnsweredIsThereAfterAReopen) {
  const auto created = CreateOrder("a", R"(,"amount":"1.00")");
  ASSERT_TRUE(CreateOrder("b").ok());
  const auto patched = Write(Request(PatchOp("b", R"({"status":"z"})")));
  Reopen();
  EXPECT_EQ(Get("a")->document, created.one().document);
  EXPECT_EQ(Get("b")->document, patched.one().document);
  EXPECT_EQ(Changes().size(), 3u);
  const auto next = CreateOrder("c");
  EXPECT_GT(next.one().version, patched.one().version);
}

TEST_P(RecordsConformance, TimesAndIdsNeverRunBackwardsWhateverTheClockDoes) {
  const auto first = Create(R"({"customer_id":"a"})");
  clock_.Advance(-5 * kHourUs);
  const auto second = Create(R"({"customer_id":"b"})");
  EXPECT_GE(Member(second.one().document, "_created_at"),
            Member(first.one().document, "_created_at"));
  EXPECT_GT(second.one().key, first.one().key);
  clock_.Advance(-5 * kHourUs);
  Reopen();
  const auto third = Create(R"({"customer_id":"c"})");
  EXPECT_GE(Member(third.one().document, "_created_at"),
            Member(second.one().document, "_created_at"));
  EXPECT_GT(third.one().key, second.one().key);
  const auto changes = Changes();
  EXPECT_GE(changes[2].committed_at, changes[0].committed_at);
}

TEST_P(RecordsConformance, ASequenceGoesOnAfterItsLastRecordIsGone) {
  ASSERT_EQ(Create(R"({"name":"a"})", "counters").one().key, "1");
  ASSERT_EQ(Create(R"({"name":"b"})", "counters").one().key, "2");
  std::vector<WriteOp> ops;
  ops.push_back(DeleteOp("2"));
  ASSERT_TRUE(Write(Request(std::move(ops), "counters")).ok());
  Reopen();
  EXPECT_EQ(Create(R"({"name":"c"})", "counters").one().key, "3");
}

TEST_P(RecordsConformance, ANewFieldAndANewCollectionLeaveWhatIsStored) {
  const auto created = CreateOrder("a");
  auto orders = Orders();
  orders.fields.push_back(
      {.name = "extra", .type = schema::Type::Simple(schema::Kind::kBigint)});
  orders.indexes.push_back({"extra"});
  Open({orders});
  EXPECT_EQ(Get("a")->document, created.one().document);
  const auto patched = Write(Request(PatchOp("a", R"({"extra":7})")));
  ASSERT_TRUE(patched.ok()) << patched.written.error().ToString();
  EXPECT_EQ(Member(Get("a")->document, "extra"), "7");
  Open({orders, Counters()});
  EXPECT_TRUE(Create(R"({"name":"x"})", "counters").ok());
}

}  // namespace millrace::records::testing
