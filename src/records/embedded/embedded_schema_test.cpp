#include <gtest/gtest.h>

#include "embedded_file_fixture.hpp"
#include "records_embedded/schema_change.hpp"

namespace millrace::records::testing {
namespace {

/// Collections whose definition changes over the records that are there.
class EmbeddedSchema : public EmbeddedFile {};

TEST_P(EmbeddedSchema, AFieldThatRecordsHaveKeepsItsType) {
  ASSERT_TRUE(CreateOrder("a", R"(,"amount":"12.50","note":"x")").ok());
  auto retyped = Orders();
  retyped.unique.clear();
  retyped.fields[2].type = schema::Type::Decimal(10, 3);
  retyped.fields[4].type = schema::Type::Simple(schema::Kind::kBigint);
  EXPECT_EQ(OpenError({retyped, Counters()}), ErrorCode::kInvalidArgument);
  EXPECT_NE(message_.find("orders: field amount: decimal(10,2) -> decimal(10,3): record "
                          "'a' has a value of the type decimal(10,2), which "
                          "decimal(10,3) does not write the same way; field note: text "
                          "-> bigint: record 'a' has"),
            std::string::npos)
      << message_;
  // Refused as a whole: the types that are remembered are those of the records.
  Open({Orders(), Counters()});
  EXPECT_EQ(OpenError({retyped, Counters()}), ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedSchema, AFieldThatNoRecordHasMayChangeItsType) {
  ASSERT_TRUE(CreateOrder("a", R"(,"status":null)").ok());
  auto retyped = Orders();
  retyped.indexes.clear();
  retyped.fields[3].type = schema::Type::Simple(schema::Kind::kBigint);
  Open({retyped, Counters()});
  EXPECT_EQ(Ask("SELECT count(*) FROM fields WHERE field='status' AND type='bigint'"), 1);
}

TEST_P(EmbeddedSchema, ATypeThatWritesStoredValuesTheSameWayIsTaken) {
  using schema::Kind;
  using schema::Type;
  auto wide = Counters();
  wide.fields.push_back({.name = "size", .type = Type::Simple(Kind::kInteger)});
  wide.fields.push_back({.name = "place", .type = Type{Kind::kObject, 0, 0, {}}});
  wide.fields.back().type.children = {{"x", Type::Simple(Kind::kInteger)}};
  Open({Orders(), wide});
  ASSERT_TRUE(Create(R"({"name":"a","size":1,"place":{"x":1}})", "counters").ok());
  wide.fields[wide.fields.size() - 2].type = Type::Simple(Kind::kBigint);
  wide.fields.back().type.children.push_back({"y", Type::Simple(Kind::kText)});
  Open({Orders(), wide});
  wide.fields.back().type.children.front().type = Type::Simple(Kind::kText);
  EXPECT_EQ(OpenError({Orders(), wide}), ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedSchema, ChangesOfADefinitionAreRememberedWithTheirTime) {
  auto changed = Orders();
  changed.fields.push_back(
      {.name = "more", .type = schema::Type::Simple(schema::Kind::kText)});
  changed.indexes = {{"note"}, {"amount"}};
  ASSERT_TRUE(CreateOrder("a", R"(,"amount":"12.50")").ok());
  changed.fields[2].type = schema::Type::Decimal(12, 2);
  clock_.Advance(kHourUs);
  Open({changed, Counters()});
  Open({changed, Counters()});  // nothing new
  EXPECT_EQ(Ask("SELECT count(*) FROM definitions WHERE collection='orders'"), 2);
  EXPECT_EQ(Ask("SELECT at FROM definitions ORDER BY id DESC"), clock_.Now());
  auto file = File();
  auto select = file.Prepare("SELECT changes FROM definitions ORDER BY id DESC");
  ASSERT_EQ(select->Step(), SQLITE_ROW);
  EXPECT_EQ(select->Text(0),
            "field amount: decimal(10,2) -> decimal(12,2)\nfield more: added, text\n"
            "index (note): added\nindex (status, _created_at): removed\n");
}

TEST_P(EmbeddedSchema, ARuleThatStoredRecordsBreakIsRefusedWithTheirNumberAndOneOfThem) {
  ASSERT_TRUE(CreateOrder("a", R"(,"amount":"1.50")").ok());
  ASSERT_TRUE(CreateOrder("b", R"(,"amount":"12.50","note":"long")").ok());
  ASSERT_TRUE(CreateOrder("c", R"(,"amount":"2.50")").ok());
  const auto refused = [this](const std::function<void(schema::Collection&)>& change,
                              const std::string& why) {
    auto stricter = Orders();
    change(stricter);
    EXPECT_EQ(OpenError({stricter, Counters()}), ErrorCode::kInvalidArgument);
    EXPECT_NE(message_.find(why), std::string::npos) << message_;
    // What check says is the same, and why the others may be.
    const auto planned = PlanSchema(place().directory(), {stricter, Counters()});
    ASSERT_TRUE(planned);
    ASSERT_EQ(planned->size(), 1u);
    EXPECT_NE((planned->front().what + ": " + planned->front().refused).find(why),
              std::string::npos);
  };
  refused(
      [](auto& c) { c.fields[2].min_json = "\"5.00\""; },
      "field amount: decimal(10,2) -> decimal(10,2) min=\"5.00\": 2 records break it, "
      "the first is 'a': must be at least");
  refused([](auto& c) { c.fields[4].required = true; },
          "2 records break it, the first is 'a': must not be null");
  refused([](auto& c) { c.fields[4].max_length = 3; },
          "1 record breaks it, the first is 'b'");
  refused(
      [](auto& c) {
        c.fields[3].in_json = {"\"x\""};
        c.fields[3].required = true;
      },
      "3 records break it");
  refused(
      [](auto& c) {
        c.fields.push_back(
            {.name = "new", .type = schema::Type::Simple(schema::Kind::kText)});
        c.fields.back().required = true;
      },
      "field new: added, text required: 3 records break it, the first is 'a': is "
      "required");
  refused([](auto& c) { c.key = "customer_id"; }, "records under the old one");
  refused([](auto& c) { c.created_at = "createdAt"; },
          "system _created_at: _created_at -> createdAt: there are records under the old "
          "one");
  // What they keep is fine, and so is what becomes looser.
  auto kept = Orders();
  kept.fields[2].min_json = "\"1.00\"";
  Open({kept, Counters()});
  Open({Orders(), Counters()});
}

TEST_P(EmbeddedSchema, NamesThatAreEqualIgnoringCaseAreRefused) {
  auto other = Orders();
  other.name = "Orders";
  EXPECT_EQ(OpenError({Orders(), other}), ErrorCode::kInvalidArgument);
  // Neither may a collection become the other one.
  EXPECT_EQ(OpenError({other, Counters()}), ErrorCode::kInvalidArgument);
  EXPECT_NE(message_.find("name it 'orders'"), std::string::npos) << message_;
  const auto planned = PlanSchema(place().directory(), {other, Counters()});
  ASSERT_TRUE(planned);
  ASSERT_FALSE(planned->empty());
  EXPECT_NE(planned->front().refused.find("name it 'orders'"), std::string::npos);
}

TEST_P(EmbeddedSchema, NamesOfSystemFieldsMayChangeWhileThereIsNoRecord) {
  auto renamed = Orders();
  renamed.indexes.clear();
  renamed.created_at = "createdAt";
  Open({renamed, Counters()});
  ASSERT_TRUE(CreateOrder("a").ok());
  // As an older program kept the definition: without those names.
  ASSERT_TRUE(
      File().Exec("UPDATE definitions SET definition=substr(definition, 1, "
                  "instr(definition, 'system ') - 1)"));
  Open({renamed, Counters()});
  EXPECT_EQ(OpenError({Orders(), Counters()}), ErrorCode::kInvalidArgument);
}

TEST_P(EmbeddedSchema, ADefinitionWithoutNamesOfSystemFieldsHasTheUsualOnes) {
  ASSERT_TRUE(CreateOrder("a").ok());
  ASSERT_TRUE(
      File().Exec("UPDATE definitions SET definition=substr(definition, 1, "
                  "instr(definition, 'system ') - 1)"));
  Open({Orders(), Counters()});
  auto renamed = Orders();
  renamed.version = "rev";
  EXPECT_EQ(OpenError({renamed, Counters()}), ErrorCode::kInvalidArgument);
  EXPECT_NE(message_.find("system _version: _version -> rev"), std::string::npos)
      << message_;
}

TEST_P(EmbeddedSchema, AUniqueIndexThatRecordsViolateIsRefusedAndNothingChanges) {
  ASSERT_TRUE(CreateOrder("a", R"(,"status":"x")").ok());
  ASSERT_TRUE(CreateOrder("b", R"(,"status":"x")").ok());
  auto stricter = Orders();
  stricter.indexes.clear();
  stricter.unique.push_back({"status"});
  EXPECT_EQ(OpenError({stricter, Counters()}), ErrorCode::kInvalidArgument);
  EXPECT_NE(
      message_.find("unique (status): added: 2 records have values that another one "
                    "has, too; one is 'a'"),
      std::string::npos)
      << message_;
  EXPECT_EQ(Ask("SELECT count(*) FROM sqlite_master WHERE name='i_orders.amount'"), 1);
  Open({Orders(), Counters()});
  EXPECT_TRUE(Get("a"));
}

TEST_P(EmbeddedSchema, IndexesFollowTheirDeclaration) {
  auto changed = Orders();
  changed.indexes = {{"note"}};
  Open({changed});
  EXPECT_EQ(Ask("SELECT count(*) FROM sqlite_master WHERE name='i_orders.amount'"), 0);
  EXPECT_EQ(Ask("SELECT count(*) FROM sqlite_master WHERE name='i_orders.note'"), 1);
  Open({Orders()});
  EXPECT_EQ(Ask("SELECT count(*) FROM sqlite_master WHERE name='i_orders.amount'"), 1);
}

INSTANTIATE_TEST_SUITE_P(Embedded, EmbeddedSchema,
                         ::testing::Values(Adapter{
                             "Embedded",
                             [] { return std::make_unique<EmbeddedPlace>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
