#include "project/users.hpp"

#include <gmock/gmock.h>

#include "project_fixture.hpp"

namespace millrace::project {
namespace {

using query::Operation;
using testing::ElementsAre;

/// The shop, closed.
class UsersFile : public ProjectFixture {
 protected:
  void WriteClosed(const std::string& users = "") const {
    WriteShop();
    Replace("millrace.yaml", "access: open\n", "");
    if (!users.empty()) Write("collections/users.yaml", users);
  }
  Project Loaded() const {
    auto project = Load(directory());
    EXPECT_TRUE(project.has_value()) << (project ? "" : Lines(project.error()));
    return project ? *std::move(project) : Project();
  }
};

TEST_F(UsersFile, IsNotNeeded) {
  WriteClosed();
  const auto project = Loaded();
  EXPECT_TRUE(project.closed());
  const auto& users = project.collections.at("users");
  EXPECT_EQ(users.key, "id");
  EXPECT_THAT(users.unique, ElementsAre(ElementsAre("email")));
  const auto& access = project.access.at("users");
  const query::Principal ada{.authenticated = true, .user_id = "ada", .role = "user"};
  const query::Principal admin{.authenticated = true, .user_id = "x", .role = "admin"};
  for (const auto operation : {Operation::kList, Operation::kGet, Operation::kLive}) {
    EXPECT_EQ(ToText(access.For(operation, ada), users.DocumentColumns()), "id = 'ada'");
    EXPECT_TRUE(access.For(operation, admin).always());
    EXPECT_TRUE(access.For(operation, {}).never());
  }
  for (const auto operation :
       {Operation::kCreate, Operation::kUpdate, Operation::kDelete})
    EXPECT_FALSE(access.RuleOf(operation)) << NameOf(operation);
}

TEST_F(UsersFile, AddsFieldsAndRules) {
  WriteClosed(R"yaml(collection: users
fields:
  name: {type: text, max_length: 100}
  phone: {type: text}
unique: [[phone]]
rules: {get: id = auth.user_id, update: id = auth.user_id}
)yaml");
  const auto project = Loaded();
  const auto& users = project.collections.at("users");
  ASSERT_EQ(users.fields.size(), 4u);
  EXPECT_EQ(users.fields[1].name, "email");
  EXPECT_EQ(users.fields[3].name, "phone");
  EXPECT_THAT(users.unique, ElementsAre(ElementsAre("email"), ElementsAre("phone")));
  EXPECT_TRUE(project.access.at("users").RuleOf(Operation::kUpdate));
  EXPECT_FALSE(project.access.at("users").RuleOf(Operation::kList));
}

TEST_F(UsersFile, KeepsTheRulesThatItDoesNotName) {
  WriteClosed("collection: users\nfields: {name: text}\n");
  EXPECT_TRUE(Loaded().access.at("users").RuleOf(Operation::kList));
}

TEST_F(UsersFile, NamesWhatItMayNotSay) {
  WriteClosed(R"yaml(collection: users
key: mail
tenant: true
fields:
  Email: {type: text}
  password: {type: text}
  role: {type: text}
rules: {create: true}
)yaml");
  EXPECT_THAT(
      Problems(),
      ElementsAre(testing::StartsWith("collections/users.yaml:2:1: the collection of "
                                      "users has no key key"),
                  testing::StartsWith("collections/users.yaml:3:1: the collection of "
                                      "users has no key tenant"),
                  "collections/users.yaml:5:3: Email differs from another field only in "
                  "case",
                  "collections/users.yaml:5:3: users have email already: leave it out",
                  "collections/users.yaml:6:3: password is kept apart from the record: "
                  "leave it out",
                  "collections/users.yaml:7:3: role is kept apart from the record: leave "
                  "it out",
                  "collections/users.yaml:8:8: users are made by signing up: leave "
                  "`create` out"));
}

TEST_F(UsersFile, IsACollectionLikeAnyOtherInAnOpenProject) {
  WriteShop();
  Write("collections/users.yaml",
        "collection: users\nkey: mail\nfields: {mail: {type: text}}\n");
  EXPECT_EQ(Loaded().collections.at("users").key, "mail");
}

}  // namespace
}  // namespace millrace::project
