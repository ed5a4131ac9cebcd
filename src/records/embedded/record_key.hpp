#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sqlite.hpp"

namespace millrace::records {

/// "42" → 42; nullopt unless `key` is exactly what the number is written as ("042" is the
/// key of no record).
std::optional<std::int64_t> IntegerKey(std::string_view key);

/// Binds a key's text form as the column `key` holds it (layout.hpp, HasIntegerKey).
/// False: no record can have this key.
bool BindKey(Statement& statement, int at, std::string_view key, bool integer_key);

}  // namespace millrace::records
