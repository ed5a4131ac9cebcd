#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace millrace::app {

struct ChildResult {
  int exit_code = 0;
  std::string output;  ///< of stdout; stderr is the parent's
};

/// This binary again with other arguments; waits for its end. The child dies with its
/// parent. kInternal when it cannot be started, kUnavailable when a signal ended it.
Result<ChildResult> RunSelf(const std::vector<std::string>& arguments);

/// Ends a child that RunSelf waits for in another thread, at shutdown; later RunSelf
/// calls fail at once.
void StopChildren();

}  // namespace millrace::app
