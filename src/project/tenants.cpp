#include "tenants.hpp"

#include <fmt/format.h>

namespace millrace::project {
namespace {

void Check(const Project& project, const std::string& read, const Place& place,
           std::vector<Problem>& problems) {
  const auto access = project.access.find(read);
  if (access == project.access.end() || !access->second.tenant) return;
  problems.push_back(
      {place.file, place.line, place.column,
       fmt::format("{} belongs to tenants, and rows of a pipeline belong to none: in "
                   "place of tenant: true give it a field such as tenant_id and rules "
                   "such as tenant_id = auth.tenant, and the table as well",
                   read)});
}

}  // namespace

void CheckTenants(const Project& project, std::vector<Problem>& problems) {
  if (project.open_access) return;
  for (const auto& pipeline : project.pipelines) {
    const bool codec = !pipeline.codec.empty();
    Check(project, codec ? pipeline.stream : pipeline.collection, pipeline.place,
          problems);
    for (const auto& lookup : pipeline.lookups)
      Check(project, lookup.collection, lookup.place, problems);
  }
}

}  // namespace millrace::project
