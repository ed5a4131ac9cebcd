#include "stage_counts.hpp"

#include <algorithm>

namespace millrace::app {
namespace {

constexpr std::uint32_t kFeedRows = 10'000;
constexpr std::uint64_t kFeedBytes = 8u << 20u;

}  // namespace

void AddSinks(const PipelineState& pipeline, StageCounts& stage) {
  for (const auto& sink : pipeline.sinks) {
    stage.dead_letters += sink.dead_letters;
    const bool table = sink.name.starts_with("table.");
    bool& has = table ? stage.has_table : stage.has_lake;
    auto& count = table ? stage.table : stage.lake;
    count = has ? std::min<std::uint64_t>(count, sink.position) : sink.position;
    has = true;
  }
}

Result<std::map<std::string, std::uint64_t, std::less<>>> CountUncaptured(
    records::ChangeFeed& feed, Position at) {
  std::map<std::string, std::uint64_t, std::less<>> counts;
  MR_TRY(const auto end, feed.End());
  while (at < end) {
    auto batch = feed.Read(at, kFeedRows, kFeedBytes);
    // Captured and trimmed meanwhile: the next answer counts it in the log.
    if (!batch || batch->changes.empty()) break;
    for (const auto& change : batch->changes) ++counts[std::string(change.collection)];
    at = batch->changes.back().position;
  }
  return counts;
}

}  // namespace millrace::app
