#include "live/hub.hpp"

#include <random>

#include "query/rule.hpp"
#include "test_live.hpp"

namespace millrace::live::testing {
namespace {

TEST_F(LiveTest, SendsChangesWithTheirVersions) {
  Put("before", "");
  const auto client = Subscribe("", false);
  ASSERT_TRUE(client->WaitUntilOpen());
  const auto made = Put("a", R"(,"n":1)");
  const auto gone = Remove("a");
  const auto first = client->Next(), second = client->Next();
  EXPECT_EQ(first.kind, Kind::kRecord);
  EXPECT_EQ(first.id, made);
  EXPECT_NE(first.data.find(R"("id":"a","n":1)"), std::string::npos);
  EXPECT_EQ(second.kind, Kind::kRemove);
  EXPECT_EQ(second.id, gone);
  EXPECT_EQ(second.data, R"({"key":"a"})");
}

TEST_F(LiveTest, ASnapshotComesInTheOrderOfVersions) {
  Put("a", "");
  Put("b", "");
  Put("c", "");
  Put("a", R"(,"n":2)");
  const auto client = Subscribe("");
  const auto messages = client->Until(Kind::kReady);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_NE(messages[2].data.find(R"("id":"a","n":2)"), std::string::npos);
  EXPECT_EQ(client->map(), Listed(""));
}

TEST_F(LiveTest, ASlowOneIsCutAndGoesOnWhereItWas) {
  const auto client = std::make_shared<Client>(10);
  Subscribe(client, "", true);
  client->Until(Kind::kReady);
  for (int i = 0; i < 30; ++i) Put("k" + std::to_string(i), "");
  EXPECT_TRUE(client->WaitUntilCut());
  for (int i = 0; i < 10; ++i) client->Next();
  // Behind the end it is not cut: it reads at its own pace.
  const auto again = client->Again(3);
  Subscribe(again, "", false);
  while (again->map().size() < 30 && !HasFailure()) again->Next();
  EXPECT_EQ(again->map(), Listed(""));
}

TEST_F(LiveTest, TellsHowFarAQuietOneIs) {
  const auto client = Subscribe("n=eq.7");
  client->Until(Kind::kReady);
  const auto other = Subscribe("", false);
  ASSERT_TRUE(other->WaitUntilOpen());
  const auto version = Put("a", R"(,"n":1)");
  other->Next();
  // The other one's message may be out a moment before the feed says so.
  while (client->passed().value_or(Version{}) < version) std::this_thread::yield();
}

TEST_F(LiveTest, AFeedEndsWithItsLastSubscriberAndBeginsAnew) {
  for (int i = 0; i < 3; ++i) {
    const auto client = Subscribe("", false);
    ASSERT_TRUE(client->WaitUntilOpen());
    Put("a", R"(,"n":)" + std::to_string(i));
    client->Next();
    client->Close();
    Put("b", R"(,"n":)" + std::to_string(i));
  }
}

TEST_F(LiveTest, APositionThatTheStoreNeverHadBeginsAnew) {
  Put("a", "");
  for (const Version version : {Version{0, 99, 0}, Version{7, 1, 0}}) {
    const auto client = std::make_shared<Client>(version);
    Subscribe(client, "", false);
    EXPECT_EQ(client->Next().kind, Kind::kReset);
    client->Until(Kind::kReady);
    EXPECT_EQ(client->map(), Listed(""));
  }
}

TEST_F(LiveTest, WhatTheRulesLeaveIsAllThereIsAndAnotherRuleBeginsAnew) {
  const auto columns = Things().DocumentColumns();
  const auto rule = [&](const char* text) {
    return query::Rule::Parse(text, columns)->For({});
  };
  Put("a", R"(,"n":1)");
  Put("b", R"(,"n":9)");
  auto client = std::make_shared<Client>();
  Subscribe(client, "", true, rule("n < 5"));
  client->Until(Kind::kReady);
  EXPECT_EQ(client->map(), Listed("n=lt.5"));
  Put("b", R"(,"n":8)");
  Remove("b");  // never seen: not told
  Put("a", R"(,"n":5)");
  EXPECT_EQ(client->Next().data, R"({"key":"a"})");
  client->Close();

  client = client->Again();
  Subscribe(client, "", false, rule("n < 5"));
  Put("c", R"(,"n":2)");
  EXPECT_EQ(client->Next().kind, Kind::kRecord);
  client->Close();
  for (const auto& other : {rule("n < 6"), query::Condition::Always()}) {
    client = client->Again();
    Subscribe(client, "", false, other);
    EXPECT_EQ(client->Next().kind, Kind::kReset);
    client->Until(Kind::kReady);
    EXPECT_EQ(client->map(), Listed("n=lt.6"));
    client->Close();
  }
}

class ShortLog : public LiveTest {
 protected:
  ShortLog() {
    segment_bytes_ = 4096;
    max_log_bytes_ = 16384;
  }
};

TEST_F(ShortLog, APositionThatTheLogDroppedBeginsAnew) {
  const auto client = Subscribe("");
  client->Until(Kind::kReady);
  Put("first", "");
  client->Next();
  client->Close();
  Remove("first");
  for (int i = 0; i < 200; ++i) Put("k" + std::to_string(i), R"(,"name":"a name")");
  ASSERT_TRUE(pump_->Drain(TestDeadline()));
  const auto again = client->Again();
  Subscribe(again, "", false);
  const auto messages = again->Until(Kind::kReady);
  EXPECT_EQ(messages.front().kind, Kind::kReset);
  EXPECT_EQ(again->map(), Listed(""));
}

/// Writes at random, clients with random filters that go and come back at random, also
/// in the middle of their snapshots: in the end each has what the store lists.
TEST_F(LiveTest, EveryMapIsTheStoresStateInTheEnd) {
  const std::vector<std::string> filters = {
      "",
      "n=gte.5",
      "n=is.null",
      "name=ilike.*a*",
      "name=not.like.A*",
      "amount=gt.1.50&n=lt.8",
      "amount=in.(0.10,2.00)",
      "amount=not.in.(0.10,2.00)&name=is.not_null",
      "_version=gt.00000000000000000000001000000000",
      "id=gte.k5",
  };
  std::mt19937 random(7);
  const auto pick = [&](std::vector<std::string> values) {
    return values[random() % values.size()];
  };
  const auto write = [&] {
    const auto key = "k" + std::to_string(random() % 12);
    if (random() % 4 == 0) {
      Remove(key);
    } else {
      Put(key,
          pick({"", R"(,"n":4)", R"(,"n":5)", R"(,"n":9)"}) +
              pick({"", R"(,"name":"Anna")", R"(,"name":"otto")", R"(,"name":"ÄA")"}) +
              pick(
                  {"", R"(,"amount":"0.10")", R"(,"amount":2)", R"(,"amount":"10.00")"}));
    }
  };
  std::vector<std::shared_ptr<Client>> clients(filters.size());
  for (int i = 0; i < 20; ++i) write();
  for (int round = 0; round < 30; ++round) {
    for (std::size_t i = 0; i < filters.size(); ++i) {
      auto& client = clients[i];
      const auto room = 1 + random() % 20;
      client = client ? client->Again(room) : std::make_shared<Client>(room);
      Subscribe(client, filters[i], true);
    }
    const auto writes = random() % 20;
    for (std::size_t i = 0; i < writes; ++i) write();
    for (auto& client : clients) {
      const auto reads = random() % 6;
      for (std::size_t i = 0; i < reads && !HasFailure(); ++i) {
        if (client->Next().kind == Kind::kReady) break;
      }
      client->Close();
    }
    if (HasFailure()) return;
  }
  for (std::size_t i = 0; i < filters.size(); ++i) {
    clients[i] = clients[i]->Again();
    Subscribe(clients[i], filters[i], true);
    clients[i]->Until(Kind::kReady);
    EXPECT_EQ(clients[i]->map(), Listed(filters[i])) << filters[i];
  }
}

}  // namespace
}  // namespace millrace::live::testing
