#pragma once

#include <vector>

#include "project/project.hpp"

namespace millrace::project {

/// Adds a problem for each pipeline of a closed project that reads records or events of
/// tenants: its tables' rows would not say whose they are.
void CheckTenants(const Project& project, std::vector<Problem>& problems);

}  // namespace millrace::project
