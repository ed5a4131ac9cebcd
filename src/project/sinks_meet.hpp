#pragma once

#include <vector>

#include "project/project.hpp"

namespace millrace::project {

/// Adds a problem for each sink that writes where an earlier one does: the same table,
/// the same lake path or one inside the other, or two paths with one name in SQL.
void CheckSinks(const std::vector<Pipeline>& pipelines, std::vector<Problem>& problems);

}  // namespace millrace::project
