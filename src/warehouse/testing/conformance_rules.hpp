#pragma once

#include "query/match.hpp"
#include "query/rule.hpp"
#include "query/testing/rule_cases.hpp"
#include "schema/record_codec.hpp"
#include "warehouse/testing/conformance_fixture.hpp"

/// Part of conformance.hpp: the condition that an access rule leaves means the same in a
/// table, in memory and on paper.
namespace millrace::warehouse {

class WarehouseRules : public WarehouseConformance {
 protected:
  static constexpr int kRows = 60;

  static schema::Collection Things() {
    schema::Collection out;
    out.name = "things";
    out.key = "id";
    out.created_at = out.updated_at = "";
    out.fields = {{.name = "id", .type = TypeOf("bigint")}};
    for (const auto& [name, type, domain] : query::cases::RuleFields())
      out.fields.push_back({.name = name, .type = type});
    return out;
  }
  static schema::Columns Columns() {
    auto columns = Things().DocumentColumns();
    columns.pop_back();  // the version
    return columns;
  }

  /// Random rows; those below half of them are merged into the base.
  void SetUp() override {
    WarehouseConformance::SetUp();
    const TableSpec spec{"things", "id", Columns(), "flow/things", 0, {}, {}};
    ASSERT_TRUE(warehouse().OpenTable(spec));
    ASSERT_TRUE(warehouse().StartTable("things", 0, 0));
    std::mt19937 random(13);
    for (int id = 0; id < kRows; ++id) documents_.push_back(Document(id, random));
    Write(0, kRows * 3 / 4);
    Write(kRows * 3 / 4, kRows);
  }

  std::string Document(int id, std::mt19937& random) {
    std::string body = "{\"id\":" + std::to_string(id);
    auto& places = places_.emplace_back();
    for (const auto& [name, type, domain] : query::cases::RuleFields()) {
      const auto at = random() % (domain->size() + 1);
      const bool null = at == domain->size();
      places.push_back(null ? std::nullopt : std::optional(static_cast<int>(at)));
      body += ",\"" + name + "\":" + (null ? "null" : (*domain)[at].json);
    }
    body += '}';
    body.reserve(body.size() + schema::kJsonPadding);
    bool batch = false;
    const auto drafts = schema::RecordCodec(Things()).ParseCreates(body, 1, &batch);
    EXPECT_TRUE(drafts) << drafts.error().ToString();
    return drafts ? drafts->front().json : "";
  }

  void Write(int from, int to) {
    auto columns = Columns();
    columns.push_back({"_version", TypeOf("text")});
    sql::BatchBuilder builder(columns);
    for (int id = from; id < to; ++id) {
      const auto& document = documents_[static_cast<std::size_t>(id)];
      for (std::size_t i = 0; i + 1 < columns.size(); ++i) {
        const auto literal = schema::FindMember(document, columns[i].name);
        if (literal == "null") {
          builder.SetNull(i);
        } else {
          ASSERT_TRUE(builder.SetLiteral(i, literal)) << literal;
        }
      }
      builder.SetText(columns.size() - 1,
                      VersionAt(static_cast<std::uint64_t>(id) + 1).ToHex());
      builder.EndRow();
    }
    const auto end = static_cast<std::uint64_t>(to);
    const auto applied = warehouse().Apply(
        "things", builder.Finish(), {}, static_cast<Offset>(from), {end, VersionAt(end)});
    ASSERT_TRUE(applied) << applied.error().ToString();
  }

  std::vector<int> Listed(const query::Condition& condition) {
    auto query = query::Parse("limit=1000", "things", Columns(), "id");
    EXPECT_TRUE(query.has_value());
    query->visible = condition;
    const auto table = warehouse().FindTable("things");
    EXPECT_TRUE(table.has_value());
    const auto page = warehouse().Rows(*table, *query, Deadline::Never());
    std::vector<int> ids;
    if (!page) ADD_FAILURE() << page.error().ToString();
    if (page)
      for (const auto& row : page->rows)
        ids.push_back(std::stoi(std::string(schema::FindMember(row, "id"))));
    return ids;
  }

  std::vector<int> Matching(const query::Condition& condition) const {
    const query::Matcher matcher(condition, Columns());
    std::vector<int> ids;
    for (int id = 0; id < kRows; ++id)
      if (matcher.Matches(documents_[static_cast<std::size_t>(id)])) ids.push_back(id);
    return ids;
  }

  std::vector<query::cases::Places> places_;
  std::vector<std::string> documents_;
};

TEST_P(WarehouseRules, MeanTheSameInATableInMemoryAndOnPaper) {
  constexpr int kRules = 200;
  query::cases::RuleCases cases(places_, 7);
  std::size_t held = 0;
  for (int i = 0; i < kRules; ++i) {
    const auto who = cases.NextPrincipal();
    const auto next = cases.Next();
    SCOPED_TRACE(next.text);
    const auto rule = query::Rule::Parse(next.text, Columns());
    ASSERT_TRUE(rule.has_value()) << rule.error().front().message;
    const auto condition = rule->For(who);
    SCOPED_TRACE(query::ToText(condition, Columns()));
    std::vector<int> wanted;
    for (std::size_t id = 0; id < next.truths.size(); ++id)
      if (next.truths[id].value_or(false)) wanted.push_back(static_cast<int>(id));
    ASSERT_EQ(Listed(condition), wanted);
    ASSERT_EQ(Matching(condition), wanted);
    held += wanted.size();
  }
  EXPECT_GT(held, std::size_t{kRules} * kRows / 10);
  EXPECT_LT(held, std::size_t{kRules} * kRows * 9 / 10);
}

}  // namespace millrace::warehouse
