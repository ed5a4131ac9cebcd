#pragma once

#include <algorithm>
#include <set>

#include "conformance_fixture.hpp"
#include "query/query.hpp"

namespace millrace::records::testing {

class RecordsListing : public RecordsConformance {
 protected:
  /// Twelve orders o00 to o11 of three states; every fourth has no amount.
  void SetUp() override {
    RecordsConformance::SetUp();
    for (int i = 0; i < 12; ++i) {
      const char* states[] = {"open", "shipped", "done"};
      auto key = std::string(i < 10 ? "o0" : "o") + std::to_string(i);
      auto more = R"(,"status":")" + std::string(states[i % 3]) + R"(")";
      if (i % 4 != 0) more += R"(,"amount":")" + std::to_string(i * 7 % 12) + R"(.50")";
      ASSERT_TRUE(CreateOrder(key, more).ok());
      clock_.Advance(1'000'000);
    }
  }

  query::Query Parsed(const std::string& raw, const schema::Collection& collection) {
    auto query =
        query::Parse(raw, collection.name, collection.DocumentColumns(), collection.key);
    if (!query) ADD_FAILURE() << query.error().ToString();
    return query ? std::move(*query) : query::Query{};
  }
  Page List(const std::string& raw, const schema::Collection& collection = Orders()) {
    auto page = open_.store->List(tenant_, collection.name, Parsed(raw, collection),
                                  Deadline::Never());
    if (!page) ADD_FAILURE() << page.error().ToString();
    return page ? std::move(*page) : Page{};
  }
  /// Keys of a page, the `o` left out: "00 03 06".
  static std::string Keys(const Page& page) {
    std::string out;
    for (const auto& document : page.documents) {
      if (!out.empty()) out += ' ';
      out += Member(document, "order_id").substr(1);
    }
    return out;
  }
};

TEST_P(RecordsListing, FiltersOrdersAndLimitsAsAsked) {
  struct Case {
    std::string query;
    std::string keys;
  };
  const Case cases[] = {
      {"", "00 01 02 03 04 05 06 07 08 09 10 11"},
      {"status=eq.open", "00 03 06 09"},
      {"status=eq.open&order=order_id.desc", "09 06 03 00"},
      {"status=in.(open,done)&limit=3", "00 02 03"},
      {"status=neq.open&order=_created_at.desc&limit=2", "11 10"},
      {"amount=gte.9", "03 05 10"},
      {"amount=lt.3&order=amount", "07 02"},
      {"amount=is.null", "00 04 08"},
      {"amount=is.not_null&order=amount.desc&limit=2", "05 10"},
      {"order=amount,order_id.desc&limit=4", "07 02 09 11"},
      {"order=amount.desc,order_id.desc&limit=4", "08 04 00 05"},
      {"status=like.s*&limit=2", "01 04"},
      {"status=ilike.S*&limit=2", "01 04"},
      {"status=like.S*", ""},
      {"status=not.eq.open&limit=2", "01 02"},
      {"order_id=gt.o09", "10 11"},
      {"order_id=eq.o05", "05"},
      {"customer_id=eq.c-o07", "07"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(Keys(List(c.query)), c.keys);
  }
}

TEST_P(RecordsListing, PagesMeetWithoutGapOrRepetitionInEveryOrder) {
  for (const auto* order :
       {"", "order=order_id.desc", "order=amount", "order=amount.desc", "order=status",
        "order=status.desc,amount", "order=_created_at.desc", "order=note"}) {
    SCOPED_TRACE(order);
    const auto all = List(order);
    EXPECT_FALSE(all.next_cursor);
    std::vector<std::string> seen;
    auto query = std::string(order) + (*order != '\0' ? "&" : "") + "limit=5";
    auto page = List(query);
    for (int i = 0; i < 10; ++i) {
      seen.insert(seen.end(), page.documents.begin(), page.documents.end());
      if (!page.next_cursor) break;
      page = List(query + "&cursor=" + *page.next_cursor);
    }
    EXPECT_EQ(seen, all.documents);
  }
}

TEST_P(RecordsListing, PagesAreStableWhileRecordsComeAndGo) {
  auto page = List("limit=4");
  EXPECT_EQ(Keys(page), "00 01 02 03");
  ASSERT_TRUE(CreateOrder("o011").ok());  // before the cursor: not seen any more
  ASSERT_TRUE(CreateOrder("o045").ok());  // behind it
  ASSERT_TRUE(Write(Request(DeleteOp("o03"))).ok());
  ASSERT_TRUE(Write(Request(DeleteOp("o05"))).ok());
  page = List("limit=4&cursor=" + *page.next_cursor);
  EXPECT_EQ(Keys(page), "04 045 06 07");
}

TEST_P(RecordsListing, VersionsAreListedFromTheOldestOn) {
  const auto query = Parsed("amount=gte.1", Orders());
  const auto all = open_.store->ListVersions(tenant_, "orders", query, {}, {9, 0, 0}, 100,
                                             Deadline::Never());
  ASSERT_TRUE(all) << all.error().ToString();
  ASSERT_EQ(all->size(), List("amount=gte.1").documents.size());
  ASSERT_GT(all->size(), 3u);
  for (const auto& [key, version] : *all) {
    EXPECT_EQ(open_.store->Get(tenant_, "orders", key)->version, version);
  }
  EXPECT_TRUE(std::ranges::is_sorted(*all, {}, &KeyVersion::version));
  const auto some = open_.store->ListVersions(tenant_, "orders", query, (*all)[0].version,
                                              (*all)[2].version, 100, Deadline::Never());
  ASSERT_EQ(some->size(), 2u);
  EXPECT_EQ((*some)[0].key, (*all)[1].key);
  EXPECT_EQ((*some)[1].key, (*all)[2].key);
  EXPECT_EQ(
      open_.store
          ->ListVersions(tenant_, "orders", query, {}, {9, 0, 0}, 1, Deadline::Never())
          ->size(),
      1u);
}

TEST_P(RecordsListing, IntegerKeysAreOrderedAsNumbers) {
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(Create(R"({"name":"x"})", "counters").ok());
  const auto page = List("id=gte.9&order=id.desc", Counters());
  std::string ids;
  for (const auto& document : page.documents) ids += Member(document, "id") + " ";
  EXPECT_EQ(ids, "12 11 10 9 ");
}

TEST_P(RecordsListing, OneTenantIsListedAlone) {
  tenant_ = "other";
  EXPECT_TRUE(List("").documents.empty());
  ASSERT_TRUE(CreateOrder("oxx").ok());
  EXPECT_EQ(Keys(List("")), "xx");
}

TEST_P(RecordsListing, ADeadlineThatIsPastEndsTheList) {
  std::string batch = "[";
  for (int i = 0; i < 5000; ++i) {
    batch += (i > 0 ? "," : "") + OrderJson("many" + std::to_string(i));
  }
  ASSERT_TRUE(Create(batch + "]").ok());
  const auto page =
      open_.store->List(tenant_, "orders", Parsed("order=customer_id", Orders()),
                        Deadline::After(std::chrono::milliseconds(-1)));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), ErrorCode::kDeadlineExceeded);
}

TEST_P(RecordsListing, AnUnknownCollectionIsNotFound) {
  EXPECT_EQ(open_.store->List(tenant_, "nothing", {}, Deadline::Never()).error().code(),
            ErrorCode::kNotFound);
}

}  // namespace millrace::records::testing
