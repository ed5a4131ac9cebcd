#pragma once

#include "change/limits.hpp"
#include "conformance_fixture.hpp"

namespace millrace::records::testing {

TEST_P(RecordsConformance, ACreatedRecordIsReadBackAsAnswered) {
  const auto reply = CreateOrder("a", R"(,"amount":"12.50","status":"pending")");
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply.one().key, "a");
  const auto stored = Get("a");
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->document, reply.one().document);
  EXPECT_EQ(stored->version, reply.one().version);
  EXPECT_EQ(Member(stored->document, "amount"), "12.50");
  EXPECT_EQ(Member(stored->document, "_version"), reply.one().version.ToHex());
  EXPECT_EQ(Member(stored->document, "_created_at"),
            Member(stored->document, "_updated_at"));
}

TEST_P(RecordsConformance, ARecordThatNoLogWouldTakeIsRefused) {
  const auto field = [](std::size_t bytes) { return std::string(bytes, 'x'); };
  constexpr std::size_t kPart = 8u << 20u;
  ASSERT_TRUE(CreateOrder("a", R"(,"status":")" + field(kPart - 32'768) + '"').ok());
  ASSERT_TRUE(
      Write(Request(PatchOp("a", R"({"note":")" + field(kPart - 32'768) + R"("})")))
          .ok());
  const auto end = *open_.feed->End();
  const auto over =
      Write(Request(PatchOp("a", R"({"details":")" + field(kPart) + R"("})")));
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.code(), ErrorCode::kTooLarge);
  EXPECT_EQ(CreateOrder("b", R"(,"status":")" + field(3 * kPart) + '"').code(),
            ErrorCode::kTooLarge);
  EXPECT_FALSE(Get("b"));
  EXPECT_EQ(*open_.feed->End(), end);
  // What is stored can be changed to anything that can be stored, and deleted.
  ASSERT_TRUE(Write(Request(PatchOp("a", R"({"status":"y"})"))).ok());
  EXPECT_TRUE(Write(Request(DeleteOp("a"))).ok());
  for (const auto& change : Changes(end)) {
    EXPECT_LE(change.before.size() + change.after.size(), 2 * change::kMaxDocumentBytes);
  }
}

TEST_P(RecordsConformance, AnUnknownKeyOrCollectionIsNotFound) {
  EXPECT_EQ(Get("nobody").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(Get("a", "nothing").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(Write(Request(PatchOp("nobody", R"({"status":"x"})"))).code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(Write(Request(ReplaceOp("nobody", R"({"customer_id":"c"})"))).code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(Write(Request(DeleteOp("nobody"))).code(), ErrorCode::kNotFound);
  auto request = Request(DeleteOp("a"));
  request.collection = "nothing";
  EXPECT_EQ(Write(std::move(request)).code(), ErrorCode::kNotFound);
  EXPECT_TRUE(Changes().empty());
}

TEST_P(RecordsConformance, AnExistingKeyIsAConflictThatNamesTheKey) {
  ASSERT_TRUE(CreateOrder("a").ok());
  const auto reply = CreateOrder("a", R"(,"status":"other")");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.code(), ErrorCode::kConflict);
  ASSERT_EQ(reply.written.error().fields().size(), 1u);
  EXPECT_EQ(reply.written.error().fields()[0].pointer, "/order_id");
  EXPECT_EQ(Member(Get("a")->document, "status"), "null");
  EXPECT_EQ(Changes().size(), 1u);
}

TEST_P(RecordsConformance, AUniqueViolationNamesItsFields) {
  ASSERT_TRUE(Create(R"({"order_id":"a","customer_id":"c","note":"n"})").ok());
  const auto reply = Create(R"({"order_id":"b","customer_id":"c","note":"n"})");
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.code(), ErrorCode::kConflict);
  ASSERT_EQ(reply.written.error().fields().size(), 2u);
  EXPECT_EQ(reply.written.error().fields()[0].pointer, "/customer_id");
  EXPECT_EQ(reply.written.error().fields()[1].pointer, "/note");
  ASSERT_TRUE(Create(R"({"order_id":"b","customer_id":"c","note":"m"})").ok());
  EXPECT_EQ(Write(Request(PatchOp("b", R"({"note":"n"})"))).code(), ErrorCode::kConflict);
  EXPECT_EQ(Member(Get("b")->document, "note"), "m");
  // Null is no value: any number of records may lack one.
  EXPECT_TRUE(Create(R"({"order_id":"d","customer_id":"c"})").ok());
  EXPECT_TRUE(Create(R"({"order_id":"e","customer_id":"c"})").ok());
}

TEST_P(RecordsConformance, APatchMergesAndKeepsTheRest) {
  const auto created =
      CreateOrder("a", R"(,"status":"pending","details":{"x":1,"y":{"z":2}})");
  ASSERT_TRUE(created.ok());
  clock_.Advance(5'000'000);
  const auto patched = Write(
      Request(PatchOp("a", R"({"status":"shipped","details":{"x":null,"y":{"w":3}}})")));
  ASSERT_TRUE(patched.ok()) << patched.written.error().ToString();
  const auto document = Get("a")->document;
  EXPECT_EQ(document, patched.one().document);
  EXPECT_EQ(Member(document, "status"), "shipped");
  EXPECT_EQ(Member(document, "details"), R"({"y":{"z":2,"w":3}})");
  EXPECT_EQ(Member(document, "customer_id"), "c-a");
  EXPECT_EQ(Member(document, "_created_at"),
            Member(created.one().document, "_created_at"));
  EXPECT_GT(Member(document, "_updated_at"),
            Member(created.one().document, "_updated_at"));
  EXPECT_GT(patched.one().version, created.one().version);
}

TEST_P(RecordsConformance, APatchThatTakesARequiredFieldAwayIsRefused) {
  ASSERT_TRUE(CreateOrder("a").ok());
  const std::string json = R"({"customer_id":null})";
  const auto padded = json + std::string(schema::kJsonPadding, ' ');
  auto patch = codec("orders").ParsePatch({padded.data(), json.size()}, "a");
  if (!patch) return;  // refused before it came here: as good
  const auto reply = Write(Request(Op("a", std::move(*patch), Operation::kUpdate)));
  EXPECT_EQ(reply.code(), ErrorCode::kInvalidArgument);
}

TEST_P(RecordsConformance, AReplaceForgetsWhatItDoesNotName) {
  const auto created = CreateOrder("a", R"(,"status":"pending","amount":"1.00")");
  ASSERT_TRUE(created.ok());
  const auto replaced =
      Write(Request(ReplaceOp("a", R"({"customer_id":"new","amount":"2.00"})")));
  ASSERT_TRUE(replaced.ok());
  const auto document = Get("a")->document;
  EXPECT_EQ(document, replaced.one().document);
  EXPECT_EQ(Member(document, "order_id"), "a");
  EXPECT_EQ(Member(document, "status"), "null");
  EXPECT_EQ(Member(document, "amount"), "2.00");
  EXPECT_EQ(Member(document, "_created_at"),
            Member(created.one().document, "_created_at"));
}

TEST_P(RecordsConformance, ADeletedRecordIsGoneAndItsKeyIsFree) {
  const auto created = CreateOrder("a");
  const auto deleted = Write(Request(DeleteOp("a")));
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted.one().document, created.one().document);
  EXPECT_GT(deleted.one().version, created.one().version);
  EXPECT_EQ(Get("a").error().code(), ErrorCode::kNotFound);
  const auto again = CreateOrder("a");
  ASSERT_TRUE(again.ok());
  EXPECT_GT(again.one().version, deleted.one().version);
}

TEST_P(RecordsConformance, IfMatchLetsOnlyTheNamedVersionPass) {
  const auto created = CreateOrder("a");
  auto stale = PatchOp("a", R"({"status":"x"})");
  stale.if_match = Version{.epoch = 0, .position = 999, .ordinal = 0}.ToHex();
  EXPECT_EQ(Write(Request(std::move(stale))).code(), ErrorCode::kPreconditionFailed);
  auto nonsense = DeleteOp("a");
  nonsense.if_match = "abc";
  EXPECT_EQ(Write(Request(std::move(nonsense))).code(), ErrorCode::kPreconditionFailed);
  auto right = PatchOp("a", R"({"status":"x"})");
  right.if_match = created.one().version.ToHex();
  EXPECT_TRUE(Write(Request(std::move(right))).ok());
  auto any = DeleteOp("a");
  any.if_match = "*";
  EXPECT_TRUE(Write(Request(std::move(any))).ok());
}

TEST_P(RecordsConformance, EveryAcceptedWriteIsANewVersionAlsoWithoutAnyDifference) {
  const auto created = CreateOrder("a", R"(,"status":"same")");
  const auto patched = Write(Request(PatchOp("a", R"({"status":"same"})")));
  ASSERT_TRUE(patched.ok());
  EXPECT_GT(patched.one().version, created.one().version);
  EXPECT_EQ(Changes().size(), 2u);
}

TEST_P(RecordsConformance, ABatchIsAllOrNothingAndNamesEachBadItem) {
  ASSERT_TRUE(CreateOrder("taken").ok());
  const auto bad = Create("[" + OrderJson("a") + "," + OrderJson("taken") + "," +
                          OrderJson("b") + "," + OrderJson("a") + "]");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.code(), ErrorCode::kConflict);
  ASSERT_EQ(bad.written.error().fields().size(), 2u);
  EXPECT_EQ(bad.written.error().fields()[0].pointer, "/1/order_id");
  EXPECT_EQ(bad.written.error().fields()[1].pointer, "/3/order_id");
  EXPECT_FALSE(Get("a"));
  EXPECT_FALSE(Get("b"));
  EXPECT_EQ(Changes().size(), 1u);
  EXPECT_EQ(SumOf("orders").changes, 1u);

  const auto good = Create("[" + OrderJson("a") + "," + OrderJson("b") + "]");
  ASSERT_TRUE(good.ok());
  ASSERT_EQ(good.written->size(), 2u);
  EXPECT_TRUE(Get("a"));
  EXPECT_TRUE(Get("b"));
  EXPECT_EQ(Changes().size(), 3u);
}

TEST_P(RecordsConformance, ABatchOfDifferentOperationsNamesTheMissingRecord) {
  ASSERT_TRUE(CreateOrder("a").ok());
  std::vector<WriteOp> ops;
  ops.push_back(PatchOp("a", R"({"status":"x"})"));
  ops.push_back(DeleteOp("nobody"));
  const auto reply = Write(Request(std::move(ops)));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.code(), ErrorCode::kNotFound);
  ASSERT_EQ(reply.written.error().fields().size(), 1u);
  EXPECT_EQ(reply.written.error().fields()[0].pointer, "/1");
  EXPECT_EQ(Member(Get("a")->document, "status"), "null");
}

TEST_P(RecordsConformance, GeneratedKeysRiseAndSequencesGoOnAboveGivenKeys) {
  std::string last;
  for (int i = 0; i < 20; ++i) {
    const auto reply = Create(R"({"customer_id":"c)" + std::to_string(i) + R"("})");
    ASSERT_TRUE(reply.ok());
    EXPECT_GT(reply.one().key, last);
    EXPECT_EQ(Member(reply.one().document, "order_id"), reply.one().key);
    last = reply.one().key;
  }
  EXPECT_EQ(Create(R"({"name":"a"})", "counters").one().key, "1");
  EXPECT_EQ(Create(R"({"id":10,"name":"b"})", "counters").one().key, "10");
  EXPECT_EQ(Create(R"({"name":"c"})", "counters").one().key, "11");
  EXPECT_EQ(Member(Get("11", "counters")->document, "id"), "11");
  EXPECT_FALSE(Get("011", "counters"));
}

TEST_P(RecordsConformance, AGivenKeyDoesNotEndTheSequenceForOthers) {
  const auto* most = R"({"id":9223372036854775807,"name":"a"})";
  EXPECT_EQ(Create(most, "counters").one().key, "9223372036854775807");
  EXPECT_EQ(Create(R"({"name":"b"})", "counters").one().key, "1");
  // Where given keys lie in its way it goes on behind them.
  for (const auto* given : {"4611686018427387903", "4611686018427387905"}) {
    ASSERT_TRUE(
        Create(R"({"id":)" + std::string(given) + R"(,"name":"c"})", "counters").ok());
  }
  EXPECT_EQ(Create(R"({"name":"d"})", "counters").one().key, "4611686018427387904");
  EXPECT_EQ(Create(R"({"name":"e"})", "counters").one().key, "4611686018427387906");
}

TEST_P(RecordsConformance, TenantsDoNotSeeEachOther) {
  tenant_ = "one";
  ASSERT_TRUE(Create(R"({"order_id":"a","customer_id":"c","note":"n"})").ok());
  tenant_ = "two";
  EXPECT_EQ(Get("a").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(Write(Request(DeleteOp("a"))).code(), ErrorCode::kNotFound);
  EXPECT_TRUE(Create(R"({"order_id":"a","customer_id":"c","note":"n"})").ok());
  EXPECT_EQ(Changes()[1].tenant, "two");
}

TEST_P(RecordsConformance, AnAnswerIsGivenAfterTheRecordCanBeRead) {
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 200; ++i) {
    replies.push_back(Start(CreateRequest(OrderJson("k" + std::to_string(i)))));
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(replies[static_cast<std::size_t>(i)].get().ok());
    ASSERT_TRUE(Get("k" + std::to_string(i)));
  }
}

TEST_P(RecordsConformance, ScanGivesEveryRecordInKeyOrderAndStopsWhenTold) {
  for (const auto* key : {"b", "a", "c"}) ASSERT_TRUE(CreateOrder(key).ok());
  std::string keys;
  std::vector<std::uint64_t> versions;
  const auto end = open_.store->Scan("orders", [&](const ScannedRecord& record) {
    keys += record.key;
    versions.push_back(record.version.position);
    return true;
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, *open_.feed->End());
  EXPECT_EQ(keys, "abc");
  EXPECT_EQ(versions, (std::vector<std::uint64_t>{2, 1, 3}));
  ASSERT_TRUE(open_.store->Scan("orders", [&](const ScannedRecord& record) {
    keys += record.key;
    return false;
  }));
  EXPECT_EQ(keys, "abca");
  EXPECT_EQ(open_.store->Scan("nothing", [](auto&) { return true; }).error().code(),
            ErrorCode::kNotFound);
}

TEST_P(RecordsConformance, AScanSaysWhoseEachRecordIs) {
  ASSERT_TRUE(CreateOrder("a").ok());
  tenant_ = "other";
  ASSERT_TRUE(CreateOrder("a").ok());
  std::map<std::string, std::uint64_t> positions;
  ASSERT_TRUE(open_.store->Scan("orders", [&](const ScannedRecord& record) {
    positions.emplace(record.tenant, record.version.position);
    return true;
  }));
  EXPECT_EQ(positions, (std::map<std::string, std::uint64_t>{{"", 1}, {"other", 2}}));
}

TEST_P(RecordsConformance, AScanIsOfOneMomentWhateverIsWrittenMeanwhile) {
  for (const auto* key : {"a", "b"}) ASSERT_TRUE(CreateOrder(key).ok());
  const auto before = *open_.feed->End();
  std::string keys;
  const auto end = open_.store->Scan("orders", [&](const ScannedRecord& record) {
    if (keys.empty()) EXPECT_TRUE(CreateOrder("c").ok());
    keys += record.key;
    return true;
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(keys, "ab");
  EXPECT_EQ(*end, before);
}

}  // namespace millrace::records::testing
