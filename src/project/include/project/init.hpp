#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::project {

inline constexpr std::string_view kDefaultExample = "orders";

/// Names of the examples that this binary carries, sorted.
std::vector<std::string> ExampleNames();

/// kInvalidArgument with a near miss and the names that exist.
Status CheckExample(std::string_view example);

/// Writes the example's files below `directory`, which is created. Gives their names, in
/// order. A directory that holds anything (but .git) is left as it is: kConflict. An
/// unknown example is refused as by CheckExample. Whatever fails later, what was written
/// is removed again.
Result<std::vector<std::string>> Init(const std::filesystem::path& directory,
                                      std::string_view example = kDefaultExample);

/// The folder with all files of an example, also the data that are too big for the
/// binary: <binary>/../share/millrace/examples/NAME of an installation, else the source
/// tree that this binary was built from. kNotFound names both.
Result<std::filesystem::path> ExampleDirectory(std::string_view example);

}  // namespace millrace::project
