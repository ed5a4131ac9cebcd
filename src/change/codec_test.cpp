#include "change/codec.hpp"

#include <gmock/gmock.h>

#include "schema/record_codec.hpp"

namespace millrace::change {
namespace {

using schema::Kind;
using schema::Type;

/// Orders of a document store: the key is `_id`.
schema::Collection OrdersSource() {
  schema::Collection orders;
  orders.name = "orders_source";
  orders.key = "id";
  orders.fields = {
      {.name = "id", .type = Type::Simple(Kind::kText)},
      {.name = "order_id", .type = Type::Simple(Kind::kText), .required = true},
      {.name = "customer_id", .type = Type::Simple(Kind::kText), .required = true},
      {.name = "quantity", .type = Type::Simple(Kind::kInteger)},
      {.name = "price", .type = Type::Simple(Kind::kDouble)},
      {.name = "status",
       .type = Type::Simple(Kind::kText),
       .in_json = {"\"created\"", "\"cancelled\""}}};
  orders.created_at = "createdAt";
  orders.updated_at = "updatedAt";
  return orders;
}

/// Orders of a shop: the key is the order's own number, times are plain fields.
schema::Collection ShopOrders() {
  schema::Collection orders;
  orders.name = "orders";
  orders.key = "order_id";
  orders.fields = {
      {.name = "order_id", .type = Type::Simple(Kind::kText)},
      {.name = "customer_id", .type = Type::Simple(Kind::kText), .required = true},
      {.name = "amount", .type = Type::Decimal(10, 2)},
      {.name = "status", .type = Type::Simple(Kind::kText)},
      {.name = "created_at", .type = Type::Simple(Kind::kTimestamp)},
      {.name = "updated_at", .type = Type::Simple(Kind::kTimestamp)}};
  return orders;
}

constexpr std::string_view kBefore =
    R"({"id":"65f0000000000000000000aa","order_id":"65f0000000000000000000bb","customer_id":"cust_1","quantity":3,"price":57.21,"status":"created","createdAt":"2026-11-21T07:00:05.123456Z","updatedAt":"2026-11-21T07:00:05.123456Z","_version":"00000000000000000000000700000000"})";
constexpr std::string_view kAfter =
    R"({"id":"65f0000000000000000000aa","order_id":"65f0000000000000000000bb","customer_id":"cust_1","quantity":4,"price":57.21,"status":null,"createdAt":"2026-11-21T07:00:05.123456Z","updatedAt":"2026-11-21T07:00:09Z","_version":"00000000000000000000000800000000"})";
constexpr std::string_view kShopOrder =
    R"({"order_id":"ORDER-7","customer_id":"CUSTOMER-3","amount":"120.50","status":"shipped","created_at":"2026-11-21T06:00:00Z","updated_at":"2026-11-21T07:00:05.500000Z","_created_at":"2026-11-21T06:00:00Z","_updated_at":"2026-11-21T07:00:05.500000Z","_version":"00000000000000000000000800000000"})";

Event MakeEvent(char op, std::string_view operation, std::string_view before,
                std::string_view after, std::string_view key) {
  Event event;
  event.op = op;
  event.operation = operation;
  event.before = before;
  event.after = after;
  event.key = key;
  event.collection = key.starts_with("ORDER") ? "orders" : "orders_source";
  event.source = "records";
  event.version = {0, 7, 0};
  event.committed_at = 1'795'244'405'123'456;  // 2026-11-21T07:00:05.123456Z
  return event;
}
constexpr std::string_view kId = "65f0000000000000000000aa";

std::unique_ptr<Codec> Make(std::string_view name) {
  auto codec = MakeCodec(name, name == "operation-data" ? ShopOrders() : OrdersSource());
  EXPECT_TRUE(codec) << codec.error().message();
  return std::move(*codec);
}

std::string Encoded(std::string_view name, const Event& event) {
  std::string out;
  const auto done = Make(name)->Encode(out, event);
  EXPECT_TRUE(done);
  return out;
}

TEST(MongodbChangeStream, WritesAnInsertWithItsKeysInOrder) {
  EXPECT_EQ(
      Encoded("mongodb-change-stream", MakeEvent('c', "insert", "", kBefore, kId)),
      R"({"operationType":"insert","timestamp":"2026-11-21T07:00:05.000Z",)"
      R"("clusterTimeRaw":{"$timestamp":"7710516007801978887"},)"
      R"("ns":{"db":"millrace","coll":"orders_source"},)"
      R"("documentKey":{"_id":"65f0000000000000000000aa"},)"
      R"("fullDocument":{"_id":"65f0000000000000000000aa","order_id":"65f0000000000000000000bb",)"
      R"("customer_id":"cust_1","quantity":3,"price":57.21,"status":"created",)"
      R"("createdAt":"2026-11-21T07:00:05.123Z","updatedAt":"2026-11-21T07:00:05.123Z","__v":0}})");
}

TEST(MongodbChangeStream, WritesWhatAnUpdateChanged) {
  const auto text =
      Encoded("mongodb-change-stream", MakeEvent('u', "update", kBefore, kAfter, kId));
  EXPECT_THAT(
      text, testing::HasSubstr(
                R"("updateDescription":{"updatedFields":{"quantity":4,)"
                R"("updatedAt":"2026-11-21T07:00:09.000Z"},)"
                R"("removedFields":["status"],"truncatedArrays":[]},"fullDocument":{)"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("fullDocumentBeforeChange")));
  EXPECT_THAT(
      Encoded("mongodb-change-stream", MakeEvent('u', "replace", kBefore, kAfter, kId)),
      testing::Not(testing::HasSubstr("updateDescription")));
}

TEST(MongodbChangeStream, ADeleteCarriesTheDocumentBefore) {
  const auto text =
      Encoded("mongodb-change-stream", MakeEvent('d', "delete", kBefore, "", kId));
  EXPECT_THAT(text, testing::HasSubstr(R"("fullDocumentBeforeChange":{"_id":"65f0)"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr(R"("fullDocument":)")));
}

TEST(OperationData, WritesTheNewestDocument) {
  EXPECT_EQ(
      Encoded("operation-data",
              MakeEvent('u', "update", kShopOrder, kShopOrder, "ORDER-7")),
      R"({"operation":"update","timestamp":"2026-11-21T07:00:05.123456","document_id":"ORDER-7",)"
      R"("collection":"orders","data":{"_id":"ORDER-7","order_id":"ORDER-7",)"
      R"("customer_id":"CUSTOMER-3","amount":120.5,"status":"shipped",)"
      R"("created_at":"2026-11-21 06:00:00","updated_at":"2026-11-21 07:00:05.500000"}})");
}

TEST(OperationData, ADeleteHasNoData) {
  EXPECT_THAT(
      Encoded("operation-data", MakeEvent('d', "delete", kShopOrder, "", "ORDER-7")),
      testing::EndsWith(R"("collection":"orders","data":null})"));
}

/// Everything that both forms say survives the way out and in.
TEST(Codecs, ReadWhatTheyWrite) {
  struct Case {
    std::string_view codec;
    Event event;
    std::string_view image;
  };
  const Case cases[] = {
      {"mongodb-change-stream", MakeEvent('c', "insert", "", kBefore, kId), kBefore},
      {"mongodb-change-stream", MakeEvent('u', "update", kBefore, kAfter, kId), kAfter},
      {"mongodb-change-stream", MakeEvent('u', "replace", kBefore, kAfter, kId), kAfter},
      {"mongodb-change-stream", MakeEvent('d', "delete", kBefore, "", kId), kBefore},
      {"operation-data", MakeEvent('c', "insert", "", kShopOrder, "ORDER-7"), kShopOrder},
      {"operation-data", MakeEvent('u', "update", "", kShopOrder, "ORDER-7"), kShopOrder},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.codec) + " " + std::string(c.event.operation));
    const auto change = Make(c.codec)->Decode(Encoded(c.codec, c.event));
    ASSERT_TRUE(change) << change.error().message();
    EXPECT_EQ(change->op, c.event.op);
    EXPECT_EQ(change->operation, c.event.operation);
    EXPECT_EQ(change->key, c.event.key);
    for (const char* field : {"order_id", "customer_id", "quantity", "price", "amount",
                              "status", "created_at", "updated_at"}) {
      EXPECT_EQ(schema::FindMember(change->image, field),
                schema::FindMember(c.image, field))
          << field;
    }
    EXPECT_EQ(change->at / 1'000'000, c.event.committed_at / 1'000'000);
    EXPECT_EQ(change->order >> 32U, 1'795'244'405U);
  }
}

/// Golden case: a delete without a document before it is refused, with one it is not.
TEST(MongodbChangeStream, ADeleteNeedsThePreImage) {
  const auto codec = Make("mongodb-change-stream");
  const auto without = codec->Decode(
      R"({"operationType":"delete","documentKey":{"_id":"65f0000000000000000000aa"}})");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().message(),
            "fullDocumentBeforeChange: missing (does the source keep pre-images?)");
  const auto with = codec->Decode(
      R"({"operationType":"delete","documentKey":{"_id":"a"},"fullDocumentBeforeChange":{"_id":"a","order_id":"o-1"}})");
  ASSERT_TRUE(with) << with.error().message();
  EXPECT_EQ(with->op, 'd');
  EXPECT_EQ(
      with->image,
      R"({"id":"a","order_id":"o-1","customer_id":null,"quantity":null,"price":null,"status":null,"createdAt":null,"updatedAt":null,"_version":null})");
}

TEST(OperationData, ADeleteNamesItsKeyAlone) {
  const auto change =
      Make("operation-data")
          ->Decode(R"({"operation":"delete","timestamp":"2026-11-21T07:00:05",
      "document_id":"ORDER-7","collection":"orders","data":null})");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(change->key, "ORDER-7");
  EXPECT_EQ(schema::FindMember(change->image, "customer_id"), "null");
  EXPECT_EQ(change->at, 1'795'244'405'000'000);
}

TEST(Codecs, DoNotJudgeValues) {
  const auto change = Make("mongodb-change-stream")
                          ->Decode(R"({"operationType":"insert","fullDocument":{"_id":"a",
      "order_id":"o-1","status":"lost","quantity":-3,"unknown":[1]}})");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(schema::FindMember(change->image, "status"), "\"lost\"");
  EXPECT_EQ(schema::FindMember(change->image, "quantity"), "-3");
  EXPECT_EQ(change->order, 0U);
}

TEST(Codecs, IdsMayBeExtendedJson) {
  const auto change =
      Make("mongodb-change-stream")
          ->Decode(R"({"operationType":"insert","documentKey":{"_id":{"$oid":"65f0"}},
      "fullDocument":{"_id":{"$oid":"65f0"},"order_id":"o-1"}})");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(change->key, "65f0");
}

TEST(Codecs, SayWhatIsWrong) {
  struct Case {
    std::string_view name, codec, payload, says;
  };
  constexpr std::string_view kMongo = "mongodb-change-stream", kShop = "operation-data";
  constexpr Case kCases[] = {
      {"no JSON", kMongo, "not json", "not JSON: "},
      {"empty", kMongo, "", "not JSON: "},
      {"blanks", kShop, "  \n ", "not JSON: "},
      {"array", kMongo, "[1]", "expected a JSON object, found [1]"},
      {"text", kShop, "\"x\"", "expected a JSON object, found \"x\""},
      {"not UTF-8", kMongo, "{\"operationType\":\"\xff\"}", "not JSON: "},
      {"no operation", kMongo, "{}",
       "operationType: expected insert, update, replace or delete"},
      {"operation is a number", kShop, R"({"operation":1})",
       "operation: expected insert, update, replace or delete"},
      {"another operation", kMongo, R"({"operationType":"dropDatabase"})",
       "operationType: expected insert, update, replace or delete, found dropDatabase"},
      {"bad time", kMongo, R"({"operationType":"insert","timestamp":"yesterday"})",
       "timestamp: expected a time such as 2026-11-21T07:00:05Z"},
      {"time is a number", kShop, R"({"operation":"insert","timestamp":17})",
       "timestamp: expected a time such as 2026-11-21T07:00:05Z"},
      {"bad cluster time", kMongo,
       R"({"operationType":"insert","clusterTimeRaw":{"$timestamp":"x"}})",
       R"(clusterTimeRaw: expected {"$timestamp": "<digits>"})"},
      {"vanished", kMongo, R"({"operationType":"update","fullDocument":null})",
       "fullDocument: missing (gone before it was looked up?)"},
      {"document is text", kMongo, R"({"operationType":"insert","fullDocument":"{}"})",
       "fullDocument: missing"},
      {"no data", kShop, R"({"operation":"insert","document_id":"a","data":null})",
       "data: missing (gone before it was looked up?)"},
      {"delete of nobody", kShop, R"({"operation":"delete","data":null})",
       "document_id: missing"},
      {"no _id", kMongo, R"({"operationType":"insert","fullDocument":{"order_id":"o"}})",
       "_id: missing"},
      {"no key", kShop, R"({"operation":"insert","data":{"_id":"a","customer_id":"c"}})",
       "order_id: missing"},
      {"null key", kShop, R"({"operation":"insert","data":{"order_id":null}})",
       "order_id: missing"},
      {"empty key", kShop, R"({"operation":"insert","data":{"order_id":""}})",
       "order_id: "},
      {"wrong type", kShop,
       R"({"operation":"insert","data":{"order_id":"a","amount":"12 EUR"}})", "amount: "},
      {"two wrong types", kMongo,
       R"({"operationType":"insert","fullDocument":{"_id":"a","quantity":"3","price":true}})",
       "quantity: "},
      {"wrong date", kShop,
       R"({"operation":"insert","data":{"order_id":"a","created_at":"soon"}})",
       "created_at: expected a time, found \"soon\""},
      {"wrong system date", kMongo,
       R"({"operationType":"insert","fullDocument":{"_id":"a","createdAt":5}})",
       "createdAt: expected a time, found 5"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto change = Make(c.codec)->Decode(c.payload);
    ASSERT_FALSE(change);
    EXPECT_EQ(change.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(change.error().message(), testing::StartsWith(std::string(c.says)));
  }
}

TEST(Codecs, KeepNumbersAsTheyStand) {
  auto orders = ShopOrders();
  orders.fields[2].type = Type::Decimal(38, 10);
  orders.fields.push_back({.name = "raw", .type = Type::Simple(Kind::kJson)});
  orders.fields.push_back({.name = "size", .type = Type::Simple(Kind::kDouble)});
  const auto codec = *MakeCodec("operation-data", orders);
  const auto change = codec->Decode(
      R"({"operation":"insert","document_id":"O","data":{"_id":"O","order_id":"O",)"
      R"("customer_id":"-1.23456789012345678","amount":1234567890123456789012345.6789,)"
      R"("raw":[123456789012345678901234567890,-1.50e3,"\"\u00e91234567890123456789"],)"
      R"("size":0.1234567890123456789}})");
  ASSERT_TRUE(change) << change.error().message();
  const auto member = [&](std::string_view name) {
    return schema::FindMember(change->image, name);
  };
  EXPECT_EQ(member("amount"), R"("1234567890123456789012345.6789000000")");
  EXPECT_EQ(member("raw"),
            "[123456789012345678901234567890,-1.50e3,\"\\\"é1234567890123456789\"]");
  EXPECT_EQ(member("size"), "0.12345678901234568");
  EXPECT_EQ(member("customer_id"), R"("-1.23456789012345678")");
  // A number is no text, however it is kept on the way.
  EXPECT_FALSE(codec->Decode(
      R"({"operation":"insert","document_id":"O","data":{"_id":"O","order_id":"O",)"
      R"("customer_id":12345678901234567890123}})"));
}

TEST(Codecs, ReadAKeyOfTheCollectionsOwnType) {
  auto counters = OrdersSource();
  counters.fields = {{.name = "id", .type = Type::Simple(Kind::kBigint)},
                     {.name = "name", .type = Type::Simple(Kind::kText)}};
  for (const auto name : CodecNames()) {
    SCOPED_TRACE(name);
    const auto codec = *MakeCodec(name, counters);
    std::string out;
    constexpr std::string_view kImage =
        R"({"id":42,"name":"a","createdAt":null,"updatedAt":null,"_version":null})";
    ASSERT_TRUE(codec->Encode(out, MakeEvent('c', "insert", "", kImage, "42")));
    const auto change = codec->Decode(out);
    ASSERT_TRUE(change) << change.error().message();
    EXPECT_EQ(change->key, "42");
    EXPECT_EQ(schema::FindMember(change->image, "id"), "42");
  }
}

std::vector<std::pair<std::string_view, std::string>> Corpus() {
  return {
      {"mongodb-change-stream",
       Encoded("mongodb-change-stream", MakeEvent('u', "update", kBefore, kAfter, kId))},
      {"mongodb-change-stream",
       Encoded("mongodb-change-stream", MakeEvent('d', "delete", kBefore, "", kId))},
      {"operation-data",
       Encoded("operation-data", MakeEvent('c', "insert", "", kShopOrder, "ORDER-7"))}};
}

TEST(Codecs, RefuseEveryTruncation) {
  for (const auto& [name, whole] : Corpus()) {
    const auto codec = Make(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(codec->Decode(whole.substr(0, size))) << size;
    }
    EXPECT_TRUE(codec->Decode(whole));  // the codec is as good as before
  }
}

/// Whatever one byte becomes, the answer is a reason or a document of the collection.
TEST(Codecs, SurviveEveryByteBeingAnother) {
  for (const auto& [name, whole] : Corpus()) {
    const auto codec = Make(name);
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char byte : {'\0', '"', '{', '}', '\\', ',', '9', '\xff'}) {
        std::string changed = whole;
        changed[at] = byte;
        const auto change = codec->Decode(changed);
        if (!change) {
          ++refused;
          EXPECT_EQ(change.error().code(), ErrorCode::kInvalidArgument);
          continue;
        }
        EXPECT_FALSE(change->key.empty());
        EXPECT_TRUE(change->image.starts_with('{') && change->image.ends_with('}'));
      }
    }
    EXPECT_GT(refused, static_cast<int>(whole.size()));
  }
}

TEST(Codecs, AreFoundByName) {
  for (const auto name : CodecNames()) EXPECT_TRUE(MakeCodec(name, OrdersSource()));
  const auto unknown = MakeCodec("debezium", OrdersSource());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(),
            "there is no codec debezium; there are mongodb-change-stream operation-data");
}

}  // namespace
}  // namespace millrace::change
