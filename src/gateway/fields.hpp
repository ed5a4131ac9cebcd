#pragma once

#include <string>
#include <vector>

#include "schema/collection.hpp"

namespace millrace::gateway {

/// Appends `"fields":[{"name":…,"type":…,"required":…,…},…]`, as clients see them.
void AppendFields(std::string& out, const std::vector<schema::Field>& fields);

}  // namespace millrace::gateway
