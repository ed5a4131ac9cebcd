#include "project/project.hpp"

#include <gmock/gmock.h>

#include "project_fixture.hpp"

namespace millrace::project {
namespace {

using testing::ElementsAre;

class LoadProject : public ProjectFixture {};

TEST_F(LoadProject, ReadsEverythingOfAnExample) {
  WriteShop();
  const auto project = Load(directory());
  ASSERT_TRUE(project) << Lines(project.error());
  EXPECT_EQ(project->name, "shop");
  EXPECT_TRUE(project->open_access);
  ASSERT_EQ(project->collections.size(), 2U);

  const auto& orders = project->collections.at("orders");
  EXPECT_EQ(orders.key, "order_id");
  ASSERT_EQ(orders.fields.size(), 5U);
  EXPECT_EQ(orders.key_field().generate, schema::Generate::kUuidV7);
  EXPECT_EQ(orders.fields[2].type, schema::Type::Decimal(10, 2));
  EXPECT_TRUE(orders.fields[2].required);
  EXPECT_EQ(orders.fields[2].min_json, "\"0.00\"");
  EXPECT_EQ(orders.fields[3].default_json, "\"pending\"");
  EXPECT_THAT(orders.fields[3].in_json, ElementsAre("\"pending\"", "\"shipped\""));
  EXPECT_EQ(orders.fields[4].max_length, 500U);
  EXPECT_THAT(orders.indexes, ElementsAre(ElementsAre("customer_id", "_created_at")));

  ASSERT_EQ(project->pipelines.size(), 1U);
  const auto& pipeline = project->pipelines.front();
  EXPECT_EQ(pipeline.name, "orders_now");
  EXPECT_EQ(pipeline.collection, "orders");
  EXPECT_EQ(pipeline.max_rows, 5000U);
  EXPECT_EQ(pipeline.max_wait_ms, 50);
  ASSERT_EQ(pipeline.lookups.size(), 1U);
  EXPECT_THAT(pipeline.lookups[0].on,
              ElementsAre(testing::Pair("customer_id", "customer_id")));
  ASSERT_EQ(pipeline.require.size(), 2U);
  EXPECT_EQ(pipeline.require[1].text, "amount >= 0");
  ASSERT_EQ(pipeline.sinks.size(), 2U);
  EXPECT_EQ(pipeline.sinks[0].name, "table.orders");
  EXPECT_EQ(std::get<TableSink>(pipeline.sinks[0].target).key, "order_id");
  EXPECT_EQ(pipeline.sinks[1].name, "lake.shop_orders_history");
  const auto& lake = std::get<LakeSink>(pipeline.sinks[1].target);
  EXPECT_EQ(lake.path, "shop/orders_history");
  EXPECT_EQ(lake.roll_rows, 1'000'000U);
  EXPECT_EQ(lake.roll_every_ms, 60'000);
  EXPECT_EQ(lake.roll_bytes, 128U << 20U);
}

TEST_F(LoadProject, ReadsStreamsAndPipelinesOverThem) {
  WriteShop();
  Write("streams/clicks.yaml", R"(stream: clicks
fields:
  customer_id: {type: text, required: true}
dedup: {window: 1h, ids: 5000}
)");
  Write("streams/incoming.yaml", "stream: incoming\nformat: raw\n");
  Write("pipelines/clicks_now.yaml", R"(pipeline: clicks_now
from: {stream: clicks}
lookups: {customers: {changes: customers, on: customer_id}}
sql: SELECT * FROM changes
to: [{lake: {path: clicks/}}]
)");
  const auto project = Load(directory());
  ASSERT_TRUE(project) << Lines(project.error());
  const auto& clicks = project->streams.at("clicks");
  EXPECT_FALSE(clicks.raw);
  EXPECT_EQ(clicks.dedup_window_ms, 3'600'000);
  EXPECT_EQ(clicks.dedup_ids, 5000U);
  std::vector<std::string> names;
  for (const auto& column : clicks.events.DocumentColumns()) names.push_back(column.name);
  EXPECT_THAT(names, ElementsAre("event_id", "customer_id", "_version"));
  EXPECT_TRUE(project->streams.at("incoming").raw);
  EXPECT_EQ(project->pipelines.front().collection, "clicks");
  EXPECT_TRUE(Readable(*project).contains("incoming"));
  EXPECT_TRUE(Readable(*project).contains("orders"));
}

TEST_F(LoadProject, ReadsTypesOfEachKind) {
  WriteShop();
  Write("collections/kinds.yaml", R"(collection: kinds
key: id
system: {_created_at: createdAt, _version: rev}
fields:
  id:      {type: bigint, generate: sequence}
  tags:    {type: "text[]", default: [a, "1"], max_length: 3}
  address: {type: object, fields: {street: text, geo: {type: object, fields: {lat: double}}}}
  lines:   {type: "object[]", fields: {sku: text, count: {type: integer}}}
  extra:   {type: json, default: {a: [1, true, x, null]}}
  day:     {type: date, min: 2013-01-01}
  at:      timestamp
  sure:    {type: boolean, default: false}
  home:    {type: object, fields: {street: text, no: integer}, default: {no: 5}}
indexes: [[createdAt], [day, rev]]
)");
  const auto project = Load(directory());
  ASSERT_TRUE(project) << Lines(project.error());
  const auto& kinds = project->collections.at("kinds");
  EXPECT_EQ(kinds.created_at, "createdAt");
  EXPECT_EQ(kinds.updated_at, "_updated_at");
  EXPECT_EQ(kinds.version, "rev");
  EXPECT_EQ(kinds.fields[1].default_json, R"(["a","1"])");
  EXPECT_EQ(kinds.fields[2].type.ToString(), "{street: text, geo: {lat: double}}");
  EXPECT_EQ(kinds.fields[3].type.kind, schema::Kind::kArray);
  EXPECT_EQ(kinds.fields[3].type.children[0].type.ToString(),
            "{sku: text, count: integer}");
  EXPECT_EQ(kinds.fields[4].default_json, R"({"a":[1,true,"x",null]})");
  EXPECT_EQ(kinds.fields[5].min_json, "\"2013-01-01\"");
  EXPECT_EQ(kinds.fields[6].type.kind, schema::Kind::kTimestamp);
  EXPECT_EQ(kinds.fields[7].default_json, "false");
  EXPECT_EQ(kinds.fields[8].default_json, R"({"street":null,"no":5})");
}

TEST_F(LoadProject, GivesSettingsByFullNameWithTheirPlace) {
  WriteShop();
  Write("millrace.yaml",
        "name: shop\nsettings:\n  http: {port: 9000}\n  log.max_bytes: 1GiB\n");
  const auto project = Load(directory());
  ASSERT_TRUE(project) << Lines(project.error());
  EXPECT_FALSE(project->open_access);
  EXPECT_EQ(project->settings.at("http.port").value, "9000");
  EXPECT_EQ(project->settings.at("http.port").origin, "millrace.yaml:3:16");
  EXPECT_EQ(project->settings.at("log.max_bytes").value, "1GiB");
}

TEST_F(LoadProject, ReportsEveryProblemOfEveryFileInOrder) {
  WriteShop();
  Write("millrace.yaml", "nam: shop\naccess: opn\n");
  Replace("collections/orders.yaml", "key: order_id", "key: orderid");
  Replace("pipelines/orders_now.yaml", "max_wait: 50ms", "max_wait: 50");
  EXPECT_THAT(
      Problems(),
      ElementsAre("collections/orders.yaml:2:6: the key orderid is not a field; did you "
                  "mean order_id?",
                  "millrace.yaml:1:1: millrace.yaml has no key nam; did you mean name?",
                  "millrace.yaml:1:1: millrace.yaml needs the key name, such as shop",
                  "millrace.yaml:2:9: expected one of open, closed, got 'opn'; did you "
                  "mean open?",
                  "pipelines/orders_now.yaml:3:35: expected a duration from 0ms to 60s, "
                  "such as 50ms: "
                  "'50' needs a unit: write a duration as 50ms, 60s, 5m, 24h or 7d"));
}

TEST_F(LoadProject, DoesNotBlamePipelinesForABrokenCollection) {
  WriteShop();
  Write("collections/customers.yaml", "collection: customers\nkey: [\n");
  EXPECT_THAT(Problems(),
              ElementsAre("collections/customers.yaml:3:1: not valid YAML: a [ is "
                          "not closed"));
  Write("collections/customers.yaml", "key: id\nfields: {id: text}\n");
  EXPECT_THAT(Problems(),
              ElementsAre("collections/customers.yaml:1:1: a collection needs the "
                          "key collection, such as orders"));
}

TEST_F(LoadProject, EndsAtATokenThatBeginsNothing) {
  WriteShop();
  Write("collections/customers.yaml", ",ollection: customers\nkey: customer_id\n");
  EXPECT_THAT(Problems(),
              testing::Contains("collections/customers.yaml:1:1: not valid YAML: "
                                "this belongs to nothing before it"));
}

TEST_F(LoadProject, RefusesACollectionWithoutFields) {
  WriteShop();
  Write("collections/empty.yaml", "collection: empty\nkey: id\nfields: {}\n");
  EXPECT_THAT(Problems(),
              ElementsAre("collections/empty.yaml:3:9: expected fields, such as "
                          "{order_id: {type: text}}, got a mapping"));
}

TEST_F(LoadProject, RefusesFilesAndFoldersItWouldPassOver) {
  WriteShop();
  Write("pipeline/x.yaml", "pipeline: x\n");
  Write("collections/more.yml", "");
  Write("collections/sub/x.yaml", "");
  Write("collections/.hidden", "");
  Write("collections/notes.md", "");
  Write("data/x.csv", "");
  EXPECT_THAT(
      Problems(),
      ElementsAre("collections/more.yml: expected a file with a name like orders.yaml",
                  "collections/sub: expected a file with a name like orders.yaml",
                  "pipeline: this folder is not read; did you mean pipelines?"));
}

TEST_F(LoadProject, RefusesADirectoryThatIsNoProject) {
  EXPECT_THAT(Problems(),
              ElementsAre("millrace.yaml: there is none in " + directory().string() +
                          "; `millrace init DIR` writes a new project"));
}

TEST_F(LoadProject, RefusesTheSameNameTwice) {
  WriteShop();
  Write("collections/z.yaml", "collection: Orders\nkey: a\nfields: {a: text}\n");
  Write("pipelines/z.yaml",
        "pipeline: orders_now\nfrom: {changes: orders}\nsql: SELECT 1\nto: [{lake: "
        "{path: z}}]\n");
  EXPECT_THAT(
      Problems(),
      ElementsAre("collections/z.yaml:1:13: there is another collection Orders in "
                  "collections/orders.yaml",
                  "pipelines/z.yaml:1:11: there is another pipeline orders_now in "
                  "pipelines/orders_now.yaml"));
}

TEST_F(LoadProject, ReadsTheColumnsOfATable) {
  WriteShop();
  const auto table = [&](const std::string& keys) {
    Write("pipelines/z.yaml",
          "pipeline: z\nfrom: {changes: orders}\nsql: SELECT 1\nto:\n"
          "  - table: {name: t, key: k, " +
              keys + "}\n");
  };
  table(
      "columns: {k: {type: varchar(50), not_null: true}, a: {type: \"decimal(10,2)\"}}, "
      "insert_only: [a], indexes: [[a], [a, k]]");
  const auto loaded = Load(directory());
  ASSERT_TRUE(loaded) << Format(loaded.error()[0]);
  const auto& sink = std::get<TableSink>(loaded->pipelines.back().sinks[0].target);
  ASSERT_EQ(sink.columns.size(), 2u);
  EXPECT_EQ(sink.columns[0].type->kind, schema::Kind::kText);
  EXPECT_EQ(sink.columns[0].max_length, 50u);
  EXPECT_TRUE(sink.columns[0].not_null);
  EXPECT_EQ(sink.columns[1].type->ToString(), "decimal(10,2)");
  EXPECT_FALSE(sink.columns[1].max_length || sink.columns[1].not_null);
  EXPECT_EQ(sink.insert_only.at(0).text, "a");
  EXPECT_EQ(sink.indexes.at(1).size(), 2u);

  table("columns: {k: {type: varchar(0)}, a: {type: \"text[]\", notnull: 1}}");
  EXPECT_THAT(Problems(),
              ElementsAre("pipelines/z.yaml:5:50: expected a type of one value, such as "
                          "varchar(50), decimal(10,2) or timestamp, got 'varchar(0)'",
                          "pipelines/z.yaml:5:73: expected a type of one value, such as "
                          "varchar(50), decimal(10,2) or timestamp, got 'text[]'",
                          testing::HasSubstr("did you mean not_null?")));
}

TEST_F(LoadProject, RefusesSinksThatMeet) {
  WriteShop();
  const auto sink = [&](const std::string& to) {
    Write("pipelines/z.yaml",
          "pipeline: z\nfrom: {changes: orders}\nsql: SELECT 1\nto: [" + to + "]\n");
    return Problems();
  };
  EXPECT_THAT(sink("{table: {name: Orders, key: k}}"),
              ElementsAre("pipelines/z.yaml:4:21: pipelines/orders_now.yaml:11 writes "
                          "table.Orders, too"));
  EXPECT_THAT(sink("{lake: {path: shop/orders_history}}"),
              ElementsAre("pipelines/z.yaml:4:20: pipelines/orders_now.yaml:12 writes "
                          "lake.shop_orders_history, too"));
  EXPECT_THAT(
      sink("{lake: {path: shop_orders_history}}"),
      ElementsAre("pipelines/z.yaml:4:20: pipelines/orders_now.yaml:12 writes "
                  "shop/orders_history, which SQL calls lake.shop_orders_history, too"));
  EXPECT_THAT(sink("{lake: {path: shop}}"),
              ElementsAre("pipelines/z.yaml:4:20: pipelines/orders_now.yaml:12 writes "
                          "shop/orders_history: neither path can lie inside the other"));
  EXPECT_THAT(sink("{lake: {path: shopping}}"), testing::IsEmpty());
}

}  // namespace
}  // namespace millrace::project
