#include "access_report.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

using query::Operation;

class AccessReportTest : public testing::Test {
 protected:
  AccessReportTest() {
    auto& orders = project_.collections["orders"];
    orders.name = "orders";
    orders.key = "id";
    orders.fields = {
        {.name = "id", .type = schema::Type::Simple(schema::Kind::kBigint)},
        {.name = "owner", .type = schema::Type::Simple(schema::Kind::kText)}};
    Rule(Operation::kList, "owner = auth.user_id or auth.role = 'admin'");
    Rule(Operation::kCreate, "auth.authenticated");
    Rule(Operation::kDelete, "owner is null");
  }

  void Rule(Operation operation, std::string_view text) {
    project_.access["orders"].rules[static_cast<std::size_t>(operation)] =
        query::Rule::Parse(text, project_.collections["orders"].DocumentColumns())
            .value();
  }

  AccessReport Report() { return ReportAccess(project_, "orders", who_).value(); }

  project::Project project_;
  std::optional<query::Principal> who_;
};

TEST_F(AccessReportTest, SaysWhatIsOpenToWhom) {
  EXPECT_EQ(Report().ToText(),
            "list      owner = auth.user_id or auth.role = 'admin'\n"
            "          not signed in    no record\n"
            "          role admin       every record\n"
            "          signed in        records for which the rule holds\n"
            "get       no rule: nobody\n"
            "create    auth.authenticated\n"
            "          not signed in    no record\n"
            "          signed in        every record\n"
            "update    no rule: nobody\n"
            "delete    owner is null\n"
            "          everyone         records where owner is null\n"
            "live      as list\n");
}

TEST_F(AccessReportTest, SaysWhatIsLeftToSomebody) {
  who_ = ReadPrincipal("user=ada,role=clerk").value();
  EXPECT_EQ(Report().ToText(),
            "list      records where owner = 'ada'\n"
            "get       no record (no rule)\n"
            "create    every record\n"
            "update    no record (no rule)\n"
            "delete    records where owner is null\n"
            "live      records where owner = 'ada'\n");
  who_ = ReadPrincipal("nobody").value();
  EXPECT_TRUE(Report().ToText().starts_with("list      no record\n"));
}

TEST_F(AccessReportTest, KnowsCollectionsWithoutRules) {
  project_.access.clear();
  EXPECT_TRUE(Report().ToText().starts_with("list      no rule: nobody\n"));
}

TEST_F(AccessReportTest, SaysThatRulesRest) {
  project_.open_access = true;
  EXPECT_TRUE(Report().ToText().starts_with("With `access: open` in millrace.yaml "));
}

TEST_F(AccessReportTest, LetsNobodyWithoutATenantIn) {
  project_.access["orders"].tenant = true;
  Rule(Operation::kDelete, "true");
  const auto text = Report().ToText();
  EXPECT_NE(text.find("delete    true\n"
                      "          not signed in    no record\n"
                      "          signed in        every record\n"),
            text.npos)
      << text;
  EXPECT_TRUE(text.starts_with("Records belong to a tenant"));
  who_ = ReadPrincipal("user=ada").value();
  EXPECT_NE(Report().ToText().find("delete    no record\n"), text.npos);
  who_ = ReadPrincipal("user=ada,tenant=acme").value();
  EXPECT_NE(Report().ToText().find("delete    every record\n"), text.npos);
}

TEST_F(AccessReportTest, KnowsStreams) {
  auto& clicks = project_.streams["clicks"].events;
  clicks = project_.collections["orders"];
  clicks.name = "clicks";
  project_.access["clicks"].rules[static_cast<std::size_t>(Operation::kAppend)] =
      query::Rule::Parse("owner = auth.user_id", clicks.DocumentColumns()).value();
  const auto report = ReportAccess(project_, "clicks", {}).value();
  EXPECT_EQ(report.ToText(),
            "append    owner = auth.user_id\n"
            "          not signed in    no event\n"
            "          signed in        events for which the rule holds\n"
            "read      no rule: nobody\n");
  EXPECT_TRUE(report.ToJson().starts_with(R"({"stream":"clicks",)"));
  const auto none = ReportAccess(project_, "click", {});
  ASSERT_FALSE(none.has_value());
  EXPECT_NE(none.error().message().find("this project has: orders, clicks"),
            std::string::npos);
}

TEST_F(AccessReportTest, KnowsTablesByTheirSql) {
  project::Pipeline pipeline;
  pipeline.name = "flow";
  pipeline.collection = "orders";
  project::TableSink table;
  table.name = "orders";
  table.key = "id";
  pipeline.sql.text = "SELECT id, upper(owner) AS name FROM changes";
  pipeline.sinks.push_back({"table.orders", table, {}, {}});
  pipeline.sinks[0].list_rule.text = "name = auth.user_id";
  pipeline.sinks.push_back({"lake.all", project::LakeSink(), {}, {}});
  project_.pipelines.push_back(pipeline);
  who_ = ReadPrincipal("user=ADA").value();
  EXPECT_EQ(ReportAccess(project_, "table.orders", who_)->ToText(),
            "list      rows where name = 'ADA'\n");
  EXPECT_EQ(ReportAccess(project_, "lake.all", {})->ToText(),
            "list      no rule: nobody\n");
  EXPECT_EQ(ReportAccess(project_, "orders", {})->kind, "collection");
}

TEST_F(AccessReportTest, IsJson) {
  project_.access["orders"].rules = {};
  Rule(Operation::kList, "owner = auth.user_id or auth.role = 'admin'");
  const auto json = Report().ToJson();
  EXPECT_TRUE(json.starts_with(
      R"({"collection":"orders","access":"closed","tenant":false,"operations":[)"
      R"({"operation":"list","rule":"owner = auth.user_id or auth.role = 'admin'",)"
      R"("nobody":"false","signed_in":"depends","roles":{"admin":"true"}},)"
      R"({"operation":"get","rule":null,"nobody":"false","signed_in":"false","roles":{}})"))
      << json;
  who_ = ReadPrincipal("user=ada").value();
  EXPECT_NE(Report().ToJson().find(R"("condition":"owner = 'ada'"},{"operation":"get")"),
            json.npos);
}

TEST(ReadPrincipal, ReadsEveryPart) {
  const auto who = ReadPrincipal(
      "user=a=b,role=r,tenant=t,key=k,claims.plan=pro,claims.n=3,claims.f=2.5,"
      "claims.yes=true");
  ASSERT_TRUE(who.has_value());
  query::Principal wanted{
      .authenticated = true, .user_id = "a=b", .role = "r", .tenant = "t", .key_id = "k"};
  wanted.claims = {
      {"plan", std::string("pro")}, {"n", std::int64_t{3}}, {"f", 2.5}, {"yes", true}};
  EXPECT_EQ(*who, wanted);
}

TEST(ReadPrincipal, RefusesTheRest) {
  for (const auto* text : {"ada", "user=", "user", "name=ada", "claims.=1", "user=a,"}) {
    const auto who = ReadPrincipal(text);
    ASSERT_FALSE(who.has_value()) << text;
    EXPECT_NE(who.error().message().find("write user=ID"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace millrace::app
