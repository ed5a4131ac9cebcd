#include "project/audit.hpp"

#include <gmock/gmock.h>

#include "project_fixture.hpp"

namespace millrace::project {
namespace {

using query::Operation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class AuditFile : public ProjectFixture {
 protected:
  void WriteProject(const std::string& audit, const std::string& access = "") const {
    WriteShop();
    Write("millrace.yaml", "name: shop\n" + access + audit);
  }
  Project Loaded() const {
    auto project = Load(directory());
    EXPECT_TRUE(project.has_value()) << (project ? "" : Lines(project.error()));
    return project.value_or(Project());
  }
};

TEST_F(AuditFile, ThereIsNoneUnlessItIsAskedFor) {
  for (const std::string text : {"", "audit: false\n"}) {
    WriteProject(text);
    EXPECT_EQ(Loaded().audit, "");
    EXPECT_TRUE(Loaded().streams.empty());
  }
}

TEST_F(AuditFile, IsAStreamThatAdministratorsRead) {
  WriteProject("audit: true\n");
  const auto project = Loaded();
  EXPECT_EQ(project.audit, "audit");
  EXPECT_TRUE(project.streams.at("audit").built_in);
  const auto& access = project.access.at("audit");
  EXPECT_EQ(access.RuleOf(Operation::kRead)->text(), "auth.role = 'admin'");
  EXPECT_FALSE(access.RuleOf(Operation::kAppend));
}

TEST_F(AuditFile, HasANameAndARuleOfItsOwn) {
  WriteProject("audit: {stream: who_did_what, read: actor_id = auth.user_id}\n");
  const auto project = Loaded();
  EXPECT_EQ(project.audit, "who_did_what");
  EXPECT_EQ(project.access.at("who_did_what").RuleOf(Operation::kRead)->text(),
            "actor_id = auth.user_id");
}

TEST_F(AuditFile, PipelinesReadIt) {
  WriteProject("audit: true\n");
  Write("pipelines/audit.yaml", R"yaml(pipeline: audit
from: {stream: audit, start: earliest}
sql: SELECT * FROM changes
to:
  - lake: {path: audit/}
)yaml");
  EXPECT_EQ(Loaded().pipelines.front().collection, "audit");
}

TEST_F(AuditFile, IsThereInAnOpenProjectToo) {
  WriteProject("audit: true\n", "access: open\n");
  EXPECT_EQ(Loaded().audit, "audit");
  WriteProject("audit: {read: true}\n", "access: open\n");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("no rule is asked: leave it out")));
}

TEST_F(AuditFile, NoFileMayDeclareIt) {
  WriteProject("audit: true\n");
  Write("streams/audit.yaml", "stream: Audit\nfields: {n: bigint}\n");
  EXPECT_THAT(Problems(),
              ElementsAre("streams/audit.yaml:1:9: there is another collection or stream "
                          "Audit in this program, which keeps the audit log there "
                          "(audit: of millrace.yaml)"));
}

TEST_F(AuditFile, WhatIsWrongIsNamed) {
  WriteProject("audit: {stream: users}\n");
  EXPECT_THAT(Problems(), ElementsAre(StartsWith("millrace.yaml:2:17: users is there")));
  WriteProject("audit: {read: actr = 'x'}\n");
  EXPECT_THAT(Problems(), ElementsAre(StartsWith("millrace.yaml:2:15: ")));
  WriteProject("audit: maybe\n");
  EXPECT_THAT(Problems(), ElementsAre(StartsWith("millrace.yaml:2:8: ")));
  WriteProject("audit: true\n", "auth: {style: r0}\n");
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("there is no audit log with `auth: {style: r0}`")));
}

}  // namespace
}  // namespace millrace::project
