#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lookup_state.hpp"
#include "test_support.hpp"

namespace millrace::pipeline {
namespace {

using Stores = std::map<std::string, std::shared_ptr<SinkStore>>;
using testing::ElementsAre;
using Fixture = PipelineFixture;

constexpr const char* kSql =
    "SELECT order_id, customers.name FROM changes c LEFT JOIN customers ON "
    "customers.customer_id = c.customer_id";

/// The column `name` of each row, in the order of offsets; "-" for null.
std::vector<std::string> Names(const SinkStore& store) {
  std::vector<std::string> names;
  for (const auto& [offset, row] : store.rows) {
    const std::size_t at = row.find("\"name\":") + 7;
    const std::size_t end = row.find(',', at);
    const std::string literal = row.substr(at, end - at);
    names.push_back(literal == "null" ? "-" : literal.substr(1, literal.size() - 2));
  }
  return names;
}

struct Customers {
  static void Story(Fixture& f) {
    f.Insert("orders", "0", Fixture::Order("0", "a", "1.00"));  // before the customer
    f.Insert("customers", "a", Fixture::Customer("a", "Ann"));
    f.Insert("orders", "1", Fixture::Order("1", "a", "1.00"));
    f.Change("customers", 'u', "a", Fixture::Customer("a", "Ann"),
             Fixture::Customer("a", "Anna"));
    f.Insert("orders", "2", Fixture::Order("2", "a", "1.00"));
    f.Change("customers", 'd', "a", Fixture::Customer("a", "Anna"), "");
    f.Insert("orders", "3", Fixture::Order("3", "a", "1.00"));
    f.Insert("customers", "a", Fixture::Customer("a", "Anne"));
    f.Insert("orders", "4", Fixture::Order("4", "a", "1.00"));
    f.Insert("orders", "5", Fixture::Order("5", "", "1.00"));  // null equals nothing
    f.Insert("orders", "6", Fixture::Order("6", "zz", "1.00"));
  }
};

TEST(Lookup, GivesTheRowAsOfTheChange) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  Customers::Story(f);
  Stores stores;
  const auto status = f.RunToEnd(stores);
  ASSERT_EQ(status.state, "done") << status.reason;
  EXPECT_THAT(Names(*stores["table.t"]),
              ElementsAre("-", "Ann", "Anna", "-", "Anne", "-", "-"));
  ASSERT_EQ(status.lookups.size(), 1u);
  EXPECT_EQ(status.lookups[0].misses, 4u);
  EXPECT_EQ(f.log.readers().at("lookup/customers__customer_id@customers"), 4u);
}

TEST(Lookup, GivesTheSameRowsWhenReadAgain) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  Customers::Story(f);
  Stores first, again;
  f.pipeline.max_rows = 1;  // each change its own batch: the state collects on the way
  f.RunToEnd(first);
  f.Change("customers", 'u', "a", Fixture::Customer("a", "Anne"),
           Fixture::Customer("a", "Zoe"));
  f.RunToEnd(again);  // a sink that starts from the beginning, below what was collected
  EXPECT_EQ(first["table.t"]->rows, again["table.t"]->rows);
}

TEST(Lookup, GoesOnFromDiskWithASmallCache) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  for (int i = 0; i < 500; ++i) {
    const std::string id = "c" + std::to_string(i);
    f.Insert("customers", id, Fixture::Customer(id, "N" + std::to_string(i)));
  }
  Stores stores;
  f.RunToEnd(stores);
  std::vector<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    const int customer = (i * 7) % 500;
    f.Insert("orders", std::to_string(i),
             Fixture::Order(std::to_string(i), "c" + std::to_string(customer), "1.00"));
    expected.push_back("N" + std::to_string(customer));
  }
  Options options;
  options.lookup_cache_bytes = 20'000;
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f.Compile());
  Pipelines pipelines(std::move(compiled), f.services(), options);
  const auto status = pipelines.Run("p", {}, f.factory(stores));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->state, "done") << status->reason;
  EXPECT_EQ(Names(*stores["table.t"]), expected);
}

TEST(Lookup, BeginsWithTheRecordsWhereTheLogHasDroppedTheBeginning) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  const auto change = [&](const std::string& id, const std::string& from,
                          const std::string& to) {
    f.Change("customers", to.empty() ? 'd' : 'u', id, Fixture::Customer(id, from),
             to.empty() ? "" : Fixture::Customer(id, to));
  };
  for (const std::string id : {"a", "b", "c"}) {
    f.Insert("customers", id, Fixture::Customer(id, id + "1"));
  }
  change("a", "a1", "a2");
  f.log.Trim("customers", 4);  // of "a" to "c" nothing is left …
  const auto order = [&](const std::string& id) {
    for (const char* customer : {"a", "b", "c"}) {
      f.Insert("orders", id + customer, Fixture::Order(id + customer, customer, "1.00"));
    }
  };
  order("0");
  change("a", "a2", "a3");
  change("c", "c1", "");
  order("1");
  Stores stores;
  ASSERT_EQ(f.RunToEnd(stores).state, "done");
  // … but what they were before their next changes says what they had been.
  EXPECT_THAT(Names(*stores["table.t"]), ElementsAre("a2", "b1", "c1", "a3", "b1", "-"));
  change("b", "b1", "b2");
  order("2");
  ASSERT_EQ(f.RunToEnd(stores).state, "done");
  EXPECT_THAT(Names(*stores["table.t"]),
              ElementsAre("a2", "b1", "c1", "a3", "b1", "-", "a3", "b2", "-"));
  EXPECT_EQ(f.records.scans, 1);
  // It stood still while the log went on without it.
  for (int i = 0; i < 3; ++i) change("b", "b2", "b2");
  change("b", "b2", "b9");
  f.log.Trim("customers", 10);
  order("3");
  ASSERT_EQ(f.RunToEnd(stores).state, "done");
  EXPECT_EQ(Names(*stores["table.t"]).at(10), "b9");
  EXPECT_EQ(f.records.scans, 2);
}

TEST(Lookup, EndsAtTheOldValueOfAUniqueField) {
  Fixture f;
  f.AddCustomers("email", "note");
  f.AddTable("t", "order_id");
  f.SetSql(
      "SELECT order_id, k.name FROM changes c LEFT JOIN customers k ON k.email = c.note");
  const auto order = [&](const std::string& id, const std::string& email) {
    f.Insert("orders", id, Fixture::Order(id, "a", "1.00", email));
  };
  f.Insert("customers", "a", Fixture::Customer("a", "Ann", "x@"));
  order("0", "x@");
  f.Change("customers", 'u', "a", Fixture::Customer("a", "Ann", "x@"),
           Fixture::Customer("a", "Ann", "y@"));
  order("1", "x@");
  order("2", "y@");
  f.Insert("customers", "b", Fixture::Customer("b", "Bob", "x@"));
  order("3", "x@");
  order("4", "y@");
  Stores stores;
  const auto status = f.RunToEnd(stores);
  ASSERT_EQ(status.state, "done") << status.reason;
  EXPECT_THAT(Names(*stores["table.t"]), ElementsAre("Ann", "-", "Ann", "Bob", "Ann"));
}

TEST(Lookup, InnerJoinLeavesOutWhatHasNoRow) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(
      "SELECT order_id, customers.name FROM changes c JOIN customers ON c.customer_id = "
      "customers.customer_id");
  Customers::Story(f);
  Stores stores;
  f.RunToEnd(stores);
  EXPECT_THAT(Names(*stores["table.t"]), ElementsAre("Ann", "Anna", "Anne"));
}

TEST(Lookup, AsOfNowGivesTheNewestRow) {
  Fixture f;
  f.AddCustomers();
  f.pipeline.lookups[0].as_of_now = true;
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  Customers::Story(f);
  Stores stores;
  f.RunToEnd(stores);
  EXPECT_THAT(Names(*stores["table.t"]),
              ElementsAre("Anne", "Anne", "Anne", "Anne", "Anne", "-", "-"));
}

TEST(Lookup, RefusesAChangeWhoseRowCannotBeRead) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  f.Insert("customers", "a", R"("customer_id":"a","name":5)");
  f.Insert("orders", "0", Fixture::Order("0", "a", "1.00"));
  f.Insert("orders", "1", Fixture::Order("1", "b", "1.00"));
  Stores stores;
  const auto status = f.RunToEnd(stores);
  EXPECT_EQ(status.dead_letters, 1u);
  const auto letters = f.state->letters().List({})->letters;
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].stage, "lookup");
  EXPECT_EQ(letters[0].reason, "customers: field name: expected text, found '5'");
}

TEST(Lookup, IsFedAsSoonAsItsLogCanBeReadAgain) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  Stores stores;
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f.Compile());
  Options options;
  options.first_retry = options.last_retry = std::chrono::milliseconds(1);
  f.log.failing_reads = 20;
  Pipelines pipelines(std::move(compiled), f.services(), options);
  ASSERT_TRUE(pipelines.Start(f.factory(stores)));
  for (int i = 0; i < 10'001; ++i) {  // far behind
    f.Insert("customers", std::to_string(i), Fixture::Customer(std::to_string(i), "N"));
  }
  const auto deadline = Deadline::After(std::chrono::seconds(60));
  while (f.log.failing_reads > 0 && !deadline.expired()) std::this_thread::yield();
  EXPECT_EQ(f.log.failing_reads, 0) << "nobody reads any more";
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
}

TEST(Lookup, WaitsUntilTheLookupStreamIsComplete) {
  Fixture f;
  f.AddCustomers();
  f.AddTable("t", "order_id");
  f.SetSql(kSql);
  Stores stores;
  std::vector<CompiledPipeline> compiled;
  compiled.push_back(f.Compile());
  stores["table.t"] = std::make_shared<SinkStore>();
  Pipelines pipelines(std::move(compiled), f.services());
  ASSERT_TRUE(pipelines.Start(f.factory(stores)));
  f.Insert("customers", "a", Fixture::Customer("a", "Ann"));
  f.Insert("orders", "0", Fixture::Order("0", "a", "1.00"));
  stores["table.t"]->WaitForPosition(1);
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
  EXPECT_THAT(Names(*stores["table.t"]), ElementsAre("Ann"));
}

}  // namespace
}  // namespace millrace::pipeline
