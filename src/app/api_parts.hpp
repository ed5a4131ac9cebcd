#pragma once

#include "gateway/openapi.hpp"
#include "project/project.hpp"

namespace millrace::app {

/// What the public listener of a project serves, for its description; refers to it.
gateway::ApiParts ApiPartsOf(const project::Project& project);

}  // namespace millrace::app
