#pragma once

#include <string>

#include "data_directory.hpp"

namespace millrace::app {

/// What seals the cursors that are handed out over these data: 32 bytes in `cursor.key`,
/// made at the first start. Where it cannot be kept (a full disk must not keep a server
/// from starting) it lasts as long as the process, and so do its cursors.
std::string CursorKey(const DataPaths& paths);

}  // namespace millrace::app
