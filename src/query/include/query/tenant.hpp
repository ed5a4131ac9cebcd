#pragma once

#include <string_view>

namespace millrace::query {

/// Whether `text` can name a tenant: 1 to 64 of A-Z a-z 0-9 _ . - . Every store takes
/// such a name, also as part of a key or path; what is written under another one would
/// be refused by the log, after the write was answered.
bool IsTenant(std::string_view text);

/// What such a name is, for messages.
inline constexpr std::string_view kTenantForm = "1 to 64 of A-Z a-z 0-9 _ . -";

}  // namespace millrace::query
