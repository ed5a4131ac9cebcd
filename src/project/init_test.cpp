#include "project/init.hpp"

#include <gmock/gmock.h>

#include "project/access.hpp"
#include "project_fixture.hpp"

namespace millrace::project {
namespace {

class InitProject : public ProjectFixture {};

TEST_F(InitProject, WritesExamplesThatLoad) {
  EXPECT_THAT(ExampleNames(), testing::IsSupersetOf({"flights", "orders", "orders-lake",
                                                     "orders-warehouse"}));
  for (const auto& name : ExampleNames()) {
    SCOPED_TRACE(name);
    const auto files = Init(directory() / name, name);
    ASSERT_TRUE(files) << files.error().ToString();
    EXPECT_THAT(*files, testing::Contains("millrace.yaml"));
    const auto project = Load(directory() / name);
    EXPECT_TRUE(project) << Lines(project.error());
  }
}

TEST_F(InitProject, WritesTheDefaultIntoAnEmptyRepository) {
  Write(".git/config", "");
  const auto files = Init(directory());
  ASSERT_TRUE(files) << files.error().ToString();
  EXPECT_THAT(*files, testing::IsSupersetOf({"README.md", "collections/customers.yaml",
                                             "collections/orders.yaml", "millrace.yaml",
                                             "pipelines/orders_now.yaml"}));
  EXPECT_THAT(Read("millrace.yaml"), testing::StartsWith("name: shop\n"));
}

TEST_F(InitProject, LeavesWhatIsThereAlone) {
  Write("notes.txt", "mine");
  const auto files = Init(directory());
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(files.error().message(),
              testing::HasSubstr("is not empty (it has notes.txt)"));
  EXPECT_FALSE(std::filesystem::exists(directory() / "millrace.yaml"));

  const auto on_file = Init(directory() / "notes.txt");
  ASSERT_FALSE(on_file);
  EXPECT_EQ(on_file.error().code(), ErrorCode::kConflict);
}

TEST_F(InitProject, NamesTheExamplesThatExist) {
  const auto files = Init(directory() / "new", "order");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(
      files.error().message(),
      testing::StartsWith("there is no example order; did you mean orders?; there are "));
  EXPECT_FALSE(std::filesystem::exists(directory() / "new"));
}

TEST(Example, HasADirectoryWithAllItsFiles) {
  const auto path = ExampleDirectory("orders");
  ASSERT_TRUE(path);
  EXPECT_TRUE(std::filesystem::exists(*path / "millrace.yaml"));
  EXPECT_EQ(ExampleDirectory("nothing").error().code(), ErrorCode::kNotFound);
}

TEST(CheckAccess, LetsOnlyOpenProjectsOntoLoopback) {
  struct Case {
    std::string_view name;
    bool open;
    std::string_view address;
    std::string_view problem;
  };
  constexpr Case kCases[] = {
      {"open on loopback", true, "127.0.0.1", ""},
      {"another loopback address", true, "127.1.2.3", ""},
      {"by name", true, "localhost", ""},
      {"version 6", true, "::1", ""},
      {"every address", true, "0.0.0.0", "only a loopback address"},
      {"every address, version 6", true, "::", "only a loopback address"},
      {"looks like loopback", true, "127.0.0.1.example.org", "only a loopback address"},
      {"empty", true, "", "only a loopback address"},
      {"closed", false, "0.0.0.0", ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    Project project;
    project.name = "shop";
    project.open_access = c.open;
    const auto status = CheckAccess(project, c.address);
    EXPECT_EQ(status.has_value(), c.problem.empty());
    if (status) continue;
    EXPECT_EQ(status.error().code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(status.error().message(), testing::HasSubstr(c.problem));
  }
}

}  // namespace
}  // namespace millrace::project
