#pragma once

#include "gateway/record_routes.hpp"
#include "project/project.hpp"

namespace millrace::app {

/// Of a project's collections, and of its streams' events, by name.
gateway::Codecs MakeCodecs(const project::Project& project);
gateway::Codecs MakeStreamCodecs(const project::Project& project);

}  // namespace millrace::app
