#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "identity/credentials.hpp"
#include "identity/sessions.hpp"
#include "query/principal.hpp"

namespace millrace::identity {

/// The record with `role` and `tenant`.
std::string UserObject(std::string_view document, const Credential& credential);
/// What an API key is told about itself.
std::string KeyObject(const query::Principal& who);
/// {"items":[…]}
std::string SessionList(const std::vector<Sessions::Session>& sessions,
                        std::string_view current);
/// As JSON text; null for 0.
std::string TimeLiteral(TimestampUs at);
std::string TextList(const std::vector<std::string>& texts);

}  // namespace millrace::identity
