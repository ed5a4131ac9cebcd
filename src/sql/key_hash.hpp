#pragma once

#include <duckdb.h>

#include "base/result.hpp"

namespace millrace::sql {

/// Makes `mr_key_hash(VARCHAR) -> UINTEGER` known, the CRC-32C of the text (0 of null):
/// what is stored must stay the same, and the engine's own `hash` changes with its
/// releases.
Status RegisterKeyHash(duckdb_connection connection);

}  // namespace millrace::sql
