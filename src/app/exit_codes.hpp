#pragma once

namespace millrace::app {

/// What the process ends with; docs/reference/exit-codes.md.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,  ///< the command ran, and its answer is no (disagreement, refused rows)
  kUsage = 2,   ///< wrong flags or arguments
  kBadProject = 3,  ///< the project directory or a setting is wrong
  kInUse = 4,       ///< another process holds the data directory
  kNotThere = 5,    ///< no data directory, no server, no such thing
  kDamaged = 6,     ///< stored bytes are damaged, or a source went back
  kNoRoom = 7,      ///< disk full
  kBehind = 8,      ///< verify: no difference, but a store has still to get something
  kIncomplete = 9,  ///< verify: no difference, but not everything could be compared
  kInterrupted = 130,
};

}  // namespace millrace::app
