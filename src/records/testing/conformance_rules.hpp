#pragma once

#include "../../query/testing/rule_cases.hpp"
#include "conformance_fixture.hpp"
#include "query/match.hpp"
#include "query/rule.hpp"

namespace millrace::records::testing {

using query::cases::Places;
using query::cases::RuleCases;
using query::cases::RuleFields;
using query::cases::Truth;

/// The condition that an access rule leaves means the same in a store, in memory and on
/// paper.
class RecordsRules : public RecordsConformance {
 protected:
  static constexpr int kRecords = 60;

  static schema::Collection Things() {
    schema::Collection out;
    out.name = "things";
    out.key = "id";
    out.fields = {{.name = "id", .type = schema::Type::Simple(schema::Kind::kBigint)}};
    for (const auto& [name, type, domain] : RuleFields())
      out.fields.push_back({.name = name, .type = type});
    out.indexes = {{"owner"}, {"amount"}};
    return out;
  }

  /// Random records; a null is sent as null or not at all.
  void SetUp() override {
    RecordsConformance::SetUp();
    Open({Things()});
    std::mt19937 random(11);
    std::string batch = "[";
    for (int id = 0; id < kRecords; ++id) {
      batch += (id > 0 ? ",{\"id\":" : "{\"id\":") + std::to_string(id);
      auto& places = places_.emplace_back();
      for (const auto& [name, type, domain] : RuleFields()) {
        const auto at = random() % (domain->size() + 2);
        const bool null = at >= domain->size();
        places.push_back(null ? std::nullopt : std::optional(static_cast<int>(at)));
        if (at > domain->size()) continue;
        batch += ",\"" + name + "\":" + (null ? "null" : (*domain)[at].json);
      }
      batch += '}';
    }
    const auto reply = Create(batch + "]", "things");
    ASSERT_TRUE(reply.ok()) << reply.written.error().ToString();
    for (const auto& one : *reply.written) documents_.push_back(one.document);
  }

  /// The ids of the records that the store finds.
  std::vector<int> Listed(const query::Condition& condition) {
    auto query = query::Parse("limit=1000", "things", Things().DocumentColumns(), "id");
    EXPECT_TRUE(query.has_value());
    query->visible = condition;
    const auto page =
        open_.store->List(tenant_, "things", query.value(), Deadline::Never());
    std::vector<int> ids;
    if (!page) ADD_FAILURE() << page.error().ToString();
    for (const auto& document : page.value_or(Page{}).documents)
      ids.push_back(std::stoi(Member(document, "id")));
    return ids;
  }

  std::vector<int> Matching(const query::Condition& condition) const {
    const query::Matcher matcher(condition, Things().DocumentColumns());
    std::vector<int> ids;
    for (int id = 0; id < kRecords; ++id)
      if (matcher.Matches(documents_[static_cast<std::size_t>(id)])) ids.push_back(id);
    return ids;
  }

  static std::vector<int> True(const std::vector<Truth>& truths) {
    std::vector<int> ids;
    for (std::size_t id = 0; id < truths.size(); ++id)
      if (truths[id].value_or(false)) ids.push_back(static_cast<int>(id));
    return ids;
  }

  std::vector<Places> places_;
  std::vector<std::string> documents_;
};

TEST_P(RecordsRules, MeanTheSameInTheStoreInMemoryAndOnPaper) {
  constexpr int kRules = 500;  // 30,000 times record, rule and principal
  const auto columns = Things().DocumentColumns();
  RuleCases cases(places_, 5);
  std::size_t held = 0;
  std::size_t decided = 0;  // rules that the principal alone decides
  for (int i = 0; i < kRules; ++i) {
    const auto who = cases.NextPrincipal();
    const auto next = cases.Next();
    SCOPED_TRACE(next.text);
    const auto rule = query::Rule::Parse(next.text, columns);
    ASSERT_TRUE(rule.has_value()) << rule.error().front().message;
    const auto condition = rule->For(who);
    SCOPED_TRACE(query::ToText(condition, columns));
    const auto wanted = True(next.truths);
    ASSERT_EQ(Listed(condition), wanted);
    ASSERT_EQ(Matching(condition), wanted);
    held += wanted.size();
    decided += condition.always() || condition.never() ? 1 : 0;
  }
  // Neither all nor nothing, or there was nothing to tell apart.
  EXPECT_GT(held, std::size_t{kRules} * kRecords / 10);
  EXPECT_LT(held, std::size_t{kRules} * kRecords * 9 / 10);
  EXPECT_LT(decided, std::size_t{kRules} / 2);
}

TEST_P(RecordsRules, StandBesideFiltersAndCursors) {
  auto query = query::Parse("count=is.not_null&order=owner&limit=4", "things",
                            Things().DocumentColumns(), "id");
  ASSERT_TRUE(query.has_value());
  const auto rule =
      query::Rule::Parse("owner >= 'ann' or owner is null", Things().DocumentColumns());
  query->visible = rule.value().For({});
  std::size_t wanted = 0;
  for (const auto& places : places_)
    wanted += places[4] && (!places[0] || *places[0] >= 3) ? 1 : 0;
  std::size_t seen = 0;
  for (int pages = 0; pages < kRecords; ++pages) {
    const auto page = open_.store->List(tenant_, "things", *query, Deadline::Never());
    ASSERT_TRUE(page.has_value()) << page.error().ToString();
    seen += page->documents.size();
    if (!page->next_cursor) break;
    const auto raw = "count=is.not_null&order=owner&limit=4&cursor=" + *page->next_cursor;
    auto next = query::Parse(raw, "things", Things().DocumentColumns(), "id");
    ASSERT_TRUE(next.has_value());
    next->visible = query->visible;
    query = std::move(next);
  }
  EXPECT_EQ(seen, wanted);
  EXPECT_GT(wanted, 4u);
}

}  // namespace millrace::records::testing
