#include <algorithm>
#include <limits>
#include <set>

#include "base/file.hpp"
#include "lookup_state.hpp"

namespace millrace::pipeline {
namespace {

/// Files of lookups that no pipeline has any more: they can be built again from the log.
void RemoveOthers(const std::filesystem::path& directory,
                  const std::set<std::string>& names) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string file = entry.path().filename().string();
    const std::size_t end = file.find(".db");
    if (end != std::string::npos && !names.contains(file.substr(0, end))) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

}  // namespace

std::vector<std::size_t> LookupColumns(const CompiledLookup& lookup) {
  std::vector<std::size_t> columns;
  for (const auto& [own, change] : lookup.on) columns.push_back(own);
  std::ranges::sort(columns);
  return columns;
}

Status LookupSet::Open(const std::vector<CompiledPipeline>& pipelines) {
  struct Wanted {
    const schema::Collection* collection;
    std::vector<std::size_t> on;
    std::set<std::size_t> columns;
  };
  std::map<std::string, Wanted> wanted;
  std::set<std::string> names;
  for (const CompiledPipeline& pipeline : pipelines) {
    for (const CompiledLookup& lookup : pipeline.lookups) {
      const auto on = LookupColumns(lookup);
      const std::string name = LookupName(lookup.collection, on);
      Wanted& one = wanted.try_emplace(name, &lookup.collection, on).first->second;
      one.columns.insert(lookup.columns.begin(), lookup.columns.end());
      names.insert(name);
    }
  }
  RemoveOthers(services_.directory, names);
  if (wanted.empty()) return {};
  MR_CHECK_OK(MakeDirs(services_.directory));
  for (auto& [name, one] : wanted) {
    auto state = std::make_unique<LookupState>(
        *one.collection, one.on,
        std::vector<std::size_t>(one.columns.begin(), one.columns.end()), services_);
    MR_CHECK_OK(state->Open());
    states_.emplace(name, std::move(state));
  }
  return {};
}

LookupState& LookupSet::Of(const CompiledLookup& lookup) {
  return *states_.at(LookupName(lookup.collection, LookupColumns(lookup)));
}

Status LookupSet::HoldForLetters(const CompiledPipeline& pipeline,
                                 const std::string& sink) {
  const auto as_of = [](const CompiledLookup& lookup) { return !lookup.as_of_now; };
  if (std::ranges::none_of(pipeline.lookups, as_of)) return {};
  const std::string& name = pipeline.definition.name;
  const std::string user = name + "/" + sink + "/letters";
  const std::lock_guard lock(holding_);
  MR_TRY(const auto low, services_.state.letters().LowestSeen(name, sink));
  for (const CompiledLookup& lookup : pipeline.lookups) {
    if (!low) {
      Of(lookup).RemoveUser(user);
      continue;
    }
    // Never at the end of its stream: it does not rise with the mark.
    constexpr Offset kNowhere = std::numeric_limits<Offset>::max();
    MR_CHECK_OK(
        Of(lookup).SetUser(user, {{"", pipeline.collection.name}, kNowhere, *low}));
  }
  return {};
}

void LookupSet::StartFeeding() {
  for (auto& [name, state] : states_) state->StartFeeding();
}

Status LookupSet::Checkpoint() {
  for (auto& [name, state] : states_) MR_CHECK_OK(state->Checkpoint());
  return {};
}

}  // namespace millrace::pipeline
