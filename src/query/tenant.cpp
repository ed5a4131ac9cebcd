#include "query/tenant.hpp"

#include <algorithm>

namespace millrace::query {
namespace {

constexpr std::size_t kMaxTenant = 64;

}  // namespace

bool IsTenant(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTenant &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
         });
}

}  // namespace millrace::query
