#include "access_fixture.hpp"
#include "gateway/table_routes.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

/// Access rules over the routes of tables.
namespace millrace::gateway {
namespace {

using http::Method;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNothing = R"({"items":[],"next_cursor":null})";
constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
const auto kText = schema::Type::Simple(schema::Kind::kText);

class TableAccess : public AccessFixture {
 protected:
  void SetUp() override {
    AccessFixture::SetUp();
    warehouse::EmbeddedWarehouseOptions options;
    options.directory = directory_;
    auto warehouse = warehouse::OpenEmbeddedWarehouse(std::move(options));
    ASSERT_TRUE(warehouse.has_value()) << warehouse.error().ToString();
    warehouse_ = std::move(*warehouse);
    for (const auto* name : {"orders", "retyped", "closed"}) Fill(name);
    access_.tables["orders"] = "owner = auth.user_id or auth.role = 'admin'";
    access_.tables["retyped"] = "shop = auth.user_id";
    access_.tables["to_come"] = "true";
    routes_.emplace(*warehouse_, pool_, TableRouteOptions{&access_, kKey});
    Serve(*routes_);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    warehouse_.reset();
    AccessFixture::TearDown();
  }

  /// Rows of ada, bob and it's.
  void Fill(const std::string& name) {
    schema::Columns columns{{"id", kText}, {"owner", kText}};
    ASSERT_TRUE(warehouse_->OpenTable({name, "id", columns, "flow/" + name, 0, {}, {}}));
    ASSERT_TRUE(warehouse_->StartTable(name, 0, 0));
    columns.push_back({"_version", kText});
    sql::BatchBuilder builder(columns);
    for (const auto* owner : {"ada", "bob", "it's"}) {
      builder.SetText(0, std::string("of ") + owner);
      builder.SetText(1, owner);
      builder.SetText(2, Version{1, 1, 0}.ToHex());
      builder.EndRow();
    }
    ASSERT_TRUE(warehouse_->Apply(name, builder.Finish(), {}, 0, {3, Version{1, 3, 0}}));
  }

  http::ClientResponse Rows(const std::string& table, const std::string& who,
                            const std::string& query = "") {
    return Send(Method::kGet, "tables/" + table + "/rows" + query, who);
  }

  std::unique_ptr<warehouse::Warehouse> warehouse_;
  runtime::BlockingPool pool_{1, 16};
  std::optional<TableRoutes> routes_;
};

TEST_F(TableAccess, RowsAreWhatTheRuleLeaves) {
  EXPECT_THAT(Rows("orders", "ada").body,
              AllOf(HasSubstr("of ada"), Not(HasSubstr("of bob"))));
  EXPECT_THAT(Rows("orders", "root").body,
              AllOf(HasSubstr("of ada"), HasSubstr("of bob")));
  EXPECT_EQ(Rows("orders", "ada", "?owner=eq.bob").body, kNothing);
  EXPECT_EQ(Rows("orders", "").body, kNothing);
  EXPECT_EQ(Rows("orders", "bad").status, 401);
}

/// He would hold a thread that reads meanwhile, and be told that the time is over.
TEST_F(TableAccess, WhoMaySeeNothingDoesNotWait) {
  const std::string far = "?at_least=" + std::string(32, 'f');
  EXPECT_EQ(Rows("orders", "", far).body, kNothing);
}

TEST_F(TableAccess, AUsersIdIsAValueWhateverItHas) {
  EXPECT_THAT(Rows("orders", "it's").body,
              AllOf(HasSubstr("of it's"), Not(HasSubstr("of ada"))));
  EXPECT_EQ(Rows("orders", "x'or'1'='1").body, kNothing);
}

TEST_F(TableAccess, ATableThatNoRuleOpensCannotBeToldFromNone) {
  for (const std::string who : {"", "ada", "root"}) {
    EXPECT_EQ(Rows("closed", who).status, 403);
    EXPECT_THAT(Rows("closed", who).body,
                HasSubstr("no access rule opens list in table closed"));
    EXPECT_EQ(Rows("absent", who).status, 403);
  }
  const auto to_come = Rows("to_come", "ada");
  EXPECT_EQ(to_come.status, 404);
  EXPECT_THAT(to_come.body, Not(HasSubstr("orders")));
}

TEST_F(TableAccess, ARuleThatDoesNotFitOpensNothing) {
  const auto answer = Rows("retyped", "ada");
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(answer.body, HasSubstr("does not fit the columns"));
}

TEST_F(TableAccess, ScopesNarrow) {
  EXPECT_EQ(Rows("orders", "ada orders:read").status, 200);
  EXPECT_EQ(Rows("orders", "ada *").status, 200);
  EXPECT_EQ(Rows("orders", "ada orders:write").status, 403);
  EXPECT_EQ(Rows("orders", "ada closed:read").status, 403);
}

TEST_F(TableAccess, ListingsNameWhatARuleOpens) {
  const auto list = Send(Method::kGet, "tables", "ada").body;
  EXPECT_THAT(list, HasSubstr(R"("table":"orders")"));
  EXPECT_THAT(list, AllOf(Not(HasSubstr("closed")), Not(HasSubstr("retyped"))));
  EXPECT_EQ(Send(Method::kGet, "tables", "").body, kNothing);
  EXPECT_EQ(Send(Method::kGet, "tables", "bad").status, 401);
}

TEST_F(TableAccess, ACursorIsItsUsersOwn) {
  const auto page = Rows("orders", "root", "?limit=1").body;
  const auto at = page.find("next_cursor\":\"") + 14;
  const auto query = "?limit=1&cursor=" + page.substr(at, page.find('"', at) - at);
  EXPECT_THAT(Rows("orders", "root", query).body, HasSubstr("of bob"));
  EXPECT_EQ(Rows("orders", "ada", query).status, 400);
}

TEST(RulesOf, NamesTablesAsTheirRoutesDo) {
  project::Project project;
  project.access["notes"].tenant = true;
  auto& sinks = project.pipelines.emplace_back().sinks;
  sinks = {{"table.orders", project::TableSink{}, {}, {}},
           {"table.closed", project::TableSink{}, {}, {}},
           {"lake.orders_history", project::LakeSink{}, {}, {}}};
  sinks[0].list_rule.text = "true";
  sinks[2].list_rule.text = "false";
  const auto access = RulesOf(project);
  EXPECT_TRUE(access.rules.at("notes").tenant);
  EXPECT_THAT(access.tables,
              testing::ElementsAre(testing::Pair("lake.orders_history", "false"),
                                   testing::Pair("orders", "true")));
}

}  // namespace
}  // namespace millrace::gateway
