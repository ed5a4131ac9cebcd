#include "route_table.hpp"

#include <gtest/gtest.h>

namespace millrace::http::internal {
namespace {

class RouteTableTest : public testing::Test {
 protected:
  void Add(Method method, const char* pattern) {
    table_.Add(method, pattern, [](const Request&, Responder) {}, {}, {});
  }
  PathMatch::Found Find(Method method, std::string_view path) {
    path_ = path;
    table_.Find(method, path_, match_);
    return match_.found;
  }
  std::string Param(std::string_view name) {
    for (const PathParam& param : match_.params()) {
      if (param.name == name) return std::string(param.value);
    }
    return "(none)";
  }

  RouteTable table_;
  PathMatch match_;
  std::string path_;
};

using Found = PathMatch::Found;

TEST_F(RouteTableTest, FillsParametersDecoded) {
  Add(Method::kGet, "/api/collections/{collection}/records/{key}");
  ASSERT_EQ(Find(Method::kGet, "/api/collections/orders/records/a%2Fb%20c"),
            Found::kRoute);
  EXPECT_EQ(Param("collection"), "orders");
  EXPECT_EQ(Param("key"), "a/b c");
  EXPECT_EQ(match_.route->name, "/api/collections/{collection}/records/{key}");
}

TEST_F(RouteTableTest, PrefersALiteralAndComesBackFromADeadEnd) {
  Add(Method::kGet, "/a/fixed/x");
  Add(Method::kGet, "/a/{id}");
  Add(Method::kGet, "/a/{id}/y");
  ASSERT_EQ(Find(Method::kGet, "/a/fixed/x"), Found::kRoute);
  EXPECT_TRUE(match_.params().empty());
  ASSERT_EQ(Find(Method::kGet, "/a/fixed/y"), Found::kRoute);
  EXPECT_EQ(Param("id"), "fixed");
  ASSERT_EQ(Find(Method::kGet, "/a/fixed"), Found::kRoute);
  EXPECT_EQ(match_.params().size(), 1u);
}

TEST_F(RouteTableTest, ALiteralTakesOnlyItsOwnMethodsFromAParameter) {
  Add(Method::kGet, "/a/live");
  Add(Method::kGet, "/a/{id}");
  Add(Method::kPatch, "/a/{id}");
  ASSERT_EQ(Find(Method::kHead, "/a/live"), Found::kRoute);
  EXPECT_TRUE(match_.params().empty());
  ASSERT_EQ(Find(Method::kPatch, "/a/live"), Found::kRoute);
  EXPECT_EQ(Param("id"), "live");
  EXPECT_EQ(Find(Method::kPut, "/a/live"), Found::kOtherMethod);
}

TEST_F(RouteTableTest, ComparesLiteralsDecoded) {
  Add(Method::kGet, "/api");
  EXPECT_EQ(Find(Method::kGet, "/%61pi"), Found::kRoute);
  EXPECT_EQ(Find(Method::kGet, "/%6"), Found::kBadEncoding);
  EXPECT_EQ(Find(Method::kGet, "/%00"), Found::kBadEncoding);
}

TEST_F(RouteTableTest, FindsNothingBesideItsPatterns) {
  Add(Method::kGet, "/a/{id}");
  for (const char* path : {"/", "/a", "/a/", "/a/b/", "//a/b", "/a/b/c", "/A/b",
                           "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(Find(Method::kGet, path), Found::kNothing);
  }
}

TEST_F(RouteTableTest, TellsWhichMethodsAPathTakes) {
  Add(Method::kGet, "/a");
  Add(Method::kPost, "/a");
  EXPECT_EQ(Find(Method::kDelete, "/a"), Found::kOtherMethod);
  EXPECT_EQ(match_.allowed, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(Find(Method::kOther, "/a"), Found::kOtherMethod);
  EXPECT_EQ(Find(Method::kHead, "/a"), Found::kRoute);
}

TEST_F(RouteTableTest, EndsTheProcessOnABadPattern) {
  EXPECT_DEATH(Add(Method::kGet, "a"), "begins without /");
  EXPECT_DEATH(Add(Method::kGet, "/a{b}"), "whole segment");
  Add(Method::kGet, "/a");
  EXPECT_DEATH(Add(Method::kGet, "/a"), "added twice");
}

}  // namespace
}  // namespace millrace::http::internal
