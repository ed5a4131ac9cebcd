#include "own_audit.hpp"

namespace millrace::app {

std::unique_ptr<OwnAudit> OwnAudit::Open(const project::Project& project,
                                         StreamStores stores,
                                         telemetry::Registry& metrics,
                                         telemetry::Logger& logger) {
  if (project.audit.empty()) return nullptr;
  return std::make_unique<OwnAudit>(project.streams.at(project.audit), stores, metrics,
                                    logger);
}

}  // namespace millrace::app
