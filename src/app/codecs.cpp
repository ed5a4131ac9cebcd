#include "codecs.hpp"

namespace millrace::app {

gateway::Codecs MakeCodecs(const project::Project& project) {
  gateway::Codecs codecs;
  for (const auto& [name, collection] : project.collections) {
    codecs[name] = std::make_unique<schema::RecordCodec>(collection);
  }
  return codecs;
}

gateway::Codecs MakeStreamCodecs(const project::Project& project) {
  gateway::Codecs codecs;
  for (const auto& [name, stream] : project.streams) {
    codecs[name] = std::make_unique<schema::RecordCodec>(stream.events);
  }
  return codecs;
}

}  // namespace millrace::app
