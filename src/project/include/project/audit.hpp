#pragma once

#include <string>

#include "schema/collection.hpp"

namespace millrace::project {

/// The events of the audit log, an event an action: docs/guides/audit.md has the columns.
schema::Collection AuditEvents(std::string name);

}  // namespace millrace::project
