#include <gmock/gmock.h>

#include "project_fixture.hpp"
#include "query/access.hpp"

namespace millrace::project {
namespace {

using query::Operation;
using testing::ElementsAre;

/// `rules:` and what follows, behind the orders of the shop (line 11 of the file).
class AccessFile : public ProjectFixture {
 protected:
  void WriteRules(const std::string& text) const {
    WriteShop();
    Replace("collections/orders.yaml", "unique: []\n", "unique: []\n" + text);
  }
  query::Access Orders() const {
    auto project = Load(directory());
    EXPECT_TRUE(project.has_value()) << (project ? "" : Lines(project.error()));
    return project ? project->access.at("orders") : query::Access();
  }
};

TEST_F(AccessFile, IsClosedWithoutRules) {
  WriteRules("");
  const auto access = Orders();
  EXPECT_FALSE(access.tenant);
  for (const auto operation : query::kOperations)
    EXPECT_FALSE(access.RuleOf(operation)) << NameOf(operation);
}

TEST_F(AccessFile, GivesEachOperationItsRule) {
  WriteRules(R"yaml(tenant: true
rules:
  list: customer_id = auth.user_id or auth.role = 'admin'
  get: "status in ('pending') and _created_at > '2020-01-01T00:00:00Z'"
  create: true
  delete: false
  update: >
    customer_id = auth.user_id
    and status = 'pending'
)yaml");
  const auto access = Orders();
  EXPECT_TRUE(access.tenant);
  query::Principal ada{.authenticated = true, .user_id = "ada", .tenant = "t"};
  EXPECT_TRUE(access.For(Operation::kCreate, ada).always());
  EXPECT_TRUE(access.For(Operation::kDelete, ada).never());
  EXPECT_EQ(access.RuleOf(Operation::kUpdate)->text(),
            "customer_id = auth.user_id and status = 'pending'\n");
  EXPECT_EQ(access.For(Operation::kLive, ada), access.For(Operation::kList, ada));
  EXPECT_EQ(access.For(Operation::kUpdate, ada).parts.size(), 2u);
}

TEST_F(AccessFile, NamesEveryMistakeWithItsPlace) {
  WriteRules(R"yaml(tenant: maybe
rules:
  lst: true
  list: custmer_id = auth.user_id or amount = 'x'
  get: "status = 'a' and tags is null"
  create: 5
  update: |
    status = 'shipped'
      and auth.rol = 'admin'
  delete:
  live: [true]
)yaml");
  EXPECT_THAT(
      Problems(),
      ElementsAre(
          "collections/orders.yaml:11:9: expected true or false, got 'maybe'",
          "collections/orders.yaml:13:3: rules has no key lst; did you mean list?",
          "collections/orders.yaml:14:9: there is no field custmer_id; did you mean "
          "customer_id?",
          "collections/orders.yaml:14:47: amount (decimal(10,2)) cannot be compared with "
          "the text 'x': write a number, without quotes",
          "collections/orders.yaml:15:26: there is no field tags",
          "collections/orders.yaml:16:11: expected a rule, such as owner = auth.user_id, "
          "got the number 5",
          "collections/orders.yaml:19:16: auth has no part 'rol'; did you mean role?",
          "collections/orders.yaml:20:3: expected a rule, such as owner = auth.user_id, "
          "got nothing",
          "collections/orders.yaml:21:9: expected a rule, such as owner = auth.user_id, "
          "got a list"));
}

TEST_F(AccessFile, DoesNotBlameRulesForABrokenField) {
  WriteRules("rules: {list: note = 'a' and nothing = 1}\n");
  Replace("collections/orders.yaml", "note:        {type: text", "note: {type: txt");
  EXPECT_THAT(Problems(), ElementsAre(testing::StartsWith(
                              "collections/orders.yaml:8:16: 'txt' is not a type")));
}

TEST_F(AccessFile, AsksForQuotesWhereYamlReadsSomethingElse) {
  WriteRules("rules: {get: {a: b}, list: status in ('a', live: true}\n");
  EXPECT_THAT(Problems(),
              ElementsAre("collections/orders.yaml:11:14: expected a rule, such as owner "
                          "= auth.user_id, got a mapping",
                          "collections/orders.yaml:11:42: expected , or ), got the end "
                          "(inside {…} YAML ends it at a comma unless it is in quotes)"));
}

TEST_F(AccessFile, StreamsHaveRulesOfTheirOwn) {
  WriteShop();
  Write("streams/clicks.yaml",
        "stream: clicks\ntenant: true\nfields:\n  owner: text\n"
        "rules:\n  append: owner = auth.user_id\n");
  const auto project = Load(directory());
  ASSERT_TRUE(project.has_value()) << Lines(project.error());
  const auto& access = project->access.at("clicks");
  EXPECT_TRUE(access.tenant);
  EXPECT_TRUE(access.RuleOf(Operation::kAppend));
  EXPECT_FALSE(access.RuleOf(Operation::kRead));
  Write("streams/clicks.yaml",
        "stream: clicks\nfields:\n  owner: text\n"
        "rules:\n  read: ower is null\n  list: true\n");
  EXPECT_THAT(
      Problems(),
      ElementsAre("streams/clicks.yaml:5:9: there is no field ower; did you mean owner?",
                  "streams/clicks.yaml:6:3: rules has no key list; it has append, read"));
}

TEST_F(AccessFile, ATablesRuleStandsWithItsSink) {
  WriteShop();
  const std::string file = "pipelines/orders_now.yaml";
  Replace(file, "on_delete: delete}",
          "on_delete: delete, rules: {list: order_id is null}}");
  const auto project = Load(directory());
  ASSERT_TRUE(project.has_value()) << Lines(project.error());
  const auto& sinks = project->pipelines.front().sinks;
  EXPECT_EQ(sinks[0].list_rule.text, "order_id is null");
  EXPECT_EQ(sinks[0].list_rule.At(0).column, 75);
  EXPECT_EQ(sinks[1].list_rule.text, "");
  Replace(file, "list: order_id is null", "get: true");
  EXPECT_THAT(Problems(),
              ElementsAre(file + ":11:69: rules has no key get; it has list"));
}

TEST_F(AccessFile, PipelinesReadNothingOfTenants) {
  WriteRules("tenant: true\n");
  EXPECT_TRUE(Load(directory()).has_value());  // open: tenants rest
  Replace("millrace.yaml", "access: open\n", "");
  EXPECT_THAT(Problems(), ElementsAre(testing::StartsWith(
                              "pipelines/orders_now.yaml:1:11: orders belongs to "
                              "tenants, and rows of a pipeline belong to none")));
  Replace("collections/orders.yaml", "tenant: true\n", "");
  Replace("collections/customers.yaml", "key:", "tenant: true\nkey:");
  EXPECT_THAT(Problems(), ElementsAre(testing::StartsWith(
                              "pipelines/orders_now.yaml:5:3: customers belongs to")));
}

}  // namespace
}  // namespace millrace::project
