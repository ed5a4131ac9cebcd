#include "sinks_meet.hpp"

#include <fmt/format.h>

#include "values.hpp"

namespace millrace::project {
namespace {

std::string PathOf(const Sink& sink) {
  const auto* lake = std::get_if<LakeSink>(&sink.target);
  return lake == nullptr ? "" : ToLower(lake->path);
}

/// What the earlier one writes that the other cannot, or "".
std::string WhyTheyMeet(const Sink& sink, const Sink& earlier) {
  const auto path = PathOf(sink);
  const auto other = PathOf(earlier);
  if (ToLower(sink.name) == ToLower(earlier.name)) {
    if (path == other) return fmt::format("{}, too", sink.name);
    return fmt::format("{}, which SQL calls {}, too", other, sink.name);
  }
  if (path.empty() || other.empty()) return "";
  if (path.starts_with(other + "/") || other.starts_with(path + "/"))
    return fmt::format("{}: neither path can lie inside the other", other);
  return "";
}

}  // namespace

void CheckSinks(const std::vector<Pipeline>& pipelines, std::vector<Problem>& problems) {
  std::vector<const Sink*> earlier;
  for (const auto& pipeline : pipelines) {
    for (const auto& sink : pipeline.sinks) {
      for (const auto* other : earlier) {
        const auto why = WhyTheyMeet(sink, *other);
        if (why.empty()) continue;
        problems.push_back(
            {sink.place.file, sink.place.line, sink.place.column,
             fmt::format("{}:{} writes {}", other->place.file, other->place.line, why)});
        break;
      }
      earlier.push_back(&sink);
    }
  }
}

}  // namespace millrace::project
