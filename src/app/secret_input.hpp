#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace millrace::app {

/// The first line of a file, or of standard input for "-". kInvalidArgument: it is empty.
Result<std::string> ReadSecret(const std::filesystem::path& file);

/// What somebody types at the terminal, twice and unseen. kInvalidArgument: standard
/// input is no terminal (naming the flag to use), or the two differ.
Result<std::string> AskSecret(const std::string& what, const std::string& flag);

}  // namespace millrace::app
