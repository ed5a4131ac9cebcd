#pragma once

#include <string>

#include "sql/engine.hpp"

namespace millrace::sql {

/// kInvalidArgument, naming it, when the statement calls a function that does more than
/// read: a checkpoint, a setting, a log, a text that is run as SQL.
Status CheckOnlyReads(Session& session, const std::string& select);

}  // namespace millrace::sql
