#include "query/tenant.hpp"

#include <gtest/gtest.h>

#include <string>

namespace millrace::query {
namespace {

TEST(Tenant, IsAShortNameOfPlainCharacters) {
  for (const auto& good : {std::string("a"), std::string("Acme-1.eu_west"),
                           std::string(".."), std::string(64, 'x')})
    EXPECT_TRUE(IsTenant(good)) << good;
  for (const auto& bad :
       {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a/b"),
        std::string("a%b"), std::string("é"), std::string("a\0b", 3)})
    EXPECT_FALSE(IsTenant(bad)) << bad;
}

}  // namespace
}  // namespace millrace::query
