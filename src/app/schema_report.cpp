#include "schema_report.hpp"

#include <algorithm>
#include <set>

#include "base/json_member.hpp"
#include "data_directory.hpp"
#include "pipeline/state_db.hpp"

namespace millrace::app {
namespace {

std::vector<schema::Collection> CollectionsOf(const project::Project& project) {
  std::vector<schema::Collection> collections;
  for (const auto& [name, collection] : project.collections) {
    collections.push_back(collection);
  }
  return collections;
}

/// Collections that a pipeline reads and that change.
std::string ChangedInputs(const project::Pipeline& pipeline,
                          const std::set<std::string>& changed) {
  std::string names;
  const auto add = [&](const std::string& name) {
    if (changed.contains(name)) names += (names.empty() ? "reads " : ", ") + name;
  };
  add(pipeline.collection);
  for (const auto& lookup : pipeline.lookups) {
    if (lookup.collection != pipeline.collection) add(lookup.collection);
  }
  return names;
}

Result<std::vector<pipeline::StoredPipeline>> StoredPipelines(
    const std::filesystem::path& data) {
  const auto state = pipeline::StateDb::Open(data, pipeline::StateDb::Access::kReadOnly);
  if (state) return (*state)->Pipelines();
  if (state.error().code() == ErrorCode::kNotFound) return {};
  return Fail(state.error());
}

/// Empty where it is as it ran last.
std::string ChangedDefinition(const pipeline::CompiledPipeline& compiled,
                              const std::vector<pipeline::StoredPipeline>& stored) {
  const auto before = std::ranges::find(stored, compiled.definition.name,
                                        &pipeline::StoredPipeline::name);
  if (before == stored.end()) return "new";
  if (before->hash == compiled.hash) return "";
  return "its definition or what it reads changed: holds for changes from then on";
}

}  // namespace

bool SchemaReport::Refused() const {
  return std::ranges::any_of(changes,
                             [](const auto& change) { return !change.refused.empty(); });
}

std::string SchemaReport::ToText() const {
  std::string out;
  for (const auto& change : changes) {
    out += (change.refused.empty() ? "apply   " : "REFUSE  ") + change.collection + ": " +
           change.what + "\n";
    if (!change.refused.empty()) out += "        " + change.refused + "\n";
  }
  for (const auto& affected : pipelines) {
    out += "pipeline " + affected.pipeline + ": " + affected.why + "\n";
  }
  return out.empty() ? "nothing changes\n" : out;
}

std::string SchemaReport::ToJson() const {
  std::string out = "{\"changes\":[";
  for (const auto& change : changes) {
    out += out.back() == '[' ? "{" : ",{";
    AppendMember(out, "collection", change.collection);
    AppendMember(out, "what", change.what);
    AppendMemberOrNull(out, "refused", change.refused);
    out += '}';
  }
  out += "],\"pipelines\":[";
  for (const auto& affected : pipelines) {
    out += out.back() == '[' ? "{" : ",{";
    AppendMember(out, "pipeline", affected.pipeline);
    AppendMember(out, "why", affected.why);
    out += '}';
  }
  return out + "]}";
}

Result<SchemaReport> ReportSchema(const project::Project& project,
                                  const std::vector<pipeline::CompiledPipeline>& compiled,
                                  const std::filesystem::path& data) {
  MR_CHECK_OK(CheckDataDirectory(data));
  SchemaReport report;
  MR_TRY(report.changes, records::PlanSchema(data, CollectionsOf(project)));
  std::set<std::string> changed;
  for (const auto& change : report.changes) changed.insert(change.collection);
  MR_TRY(const auto stored, StoredPipelines(data));
  for (const auto& one : compiled) {
    auto why = ChangedInputs(one.definition, changed);
    const auto definition = ChangedDefinition(one, stored);
    if (!definition.empty()) why += (why.empty() ? "" : "; ") + definition;
    if (!why.empty()) report.pipelines.push_back({one.definition.name, std::move(why)});
  }
  return report;
}

}  // namespace millrace::app
