#include "api_parts.hpp"

#include "version.hpp"

namespace millrace::app {

gateway::ApiParts ApiPartsOf(const project::Project& project) {
  gateway::ApiParts parts;
  parts.title = project.name;
  parts.version = kVersion;
  parts.closed = !project.open_access;
  for (const auto& [name, collection] : project.collections)
    parts.collections.push_back(&collection);
  for (const auto& [name, stream] : project.streams)
    parts.streams.push_back({&stream.events, stream.raw, stream.built_in});
  return parts;
}

}  // namespace millrace::app
