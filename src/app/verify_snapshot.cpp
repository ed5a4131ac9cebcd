#include "verify_snapshot.hpp"

#include <algorithm>

namespace millrace::app {
namespace {

/// What it is called in a verdict.
std::string NameOf(const std::string& sink) { return sink + "/snapshot"; }

std::string Note(const std::string& sink, const std::string& what) {
  return NameOf(sink) + ": " + what;
}

PartRows NotCompared(const std::string& sink, const std::string& why,
                     bool undefined = false) {
  return {{}, {}, {Note(sink, why)}, undefined};
}

/// Compares where all of the snapshot is there to be read again.
Result<PartRows> Compare(VerifyStores& stores, const pipeline::StoredPipeline& pipeline,
                         const std::string& sink, lake::LakeExtent extent,
                         const pipeline::Snapshot& snapshot) {
  const std::string store = NameOf(sink);
  const std::string stream = pipeline::SnapshotStream(pipeline.name);
  MR_TRY(const auto info, stores.log().Stream({"", stream}));
  // After the files: a letter is stored before its sink goes on.
  MR_TRY(const auto refused, stores.ReadRefused(pipeline, sink));
  extent.begin = snapshot.first;
  extent.next = std::min(extent.next, snapshot.end);
  const SliceMap whole;
  SinkRerun rerun(stores, whole, info, pipeline, sink, snapshot);
  MR_TRY(const auto why, rerun.Open());
  if (!why.empty()) return NotCompared(sink, why, !rerun.defined());
  auto sides = rerun.Lake(extent, refused, 0, SIZE_MAX, false);
  if (!sides) return NotCompared(sink, sides.error().message());
  PartRows rows;
  for (const auto& note : rerun.notes()) rows.left_out.push_back(Note(sink, note));
  const auto expected = Total(sides->expected), found = Total(sides->found);
  rows.sum = {store, found, snapshot.end - extent.next, true};
  if (expected == found) return rows;
  auto& finding =
      rows.findings.emplace_back(Finding{"lake", store, {}, expected, found, {}, {}, {}});
  const auto first = sides->FirstDifference();
  MR_TRY(auto named, rerun.Lake(extent, refused, first, first + 1, true));
  NameDifferences(std::move(named.wanted), std::move(named.have), rerun.LakeNames(),
                  finding);
  return rows;
}

}  // namespace

Result<PartRows> CompareSnapshot(VerifyStores& stores,
                                 const pipeline::StoredPipeline& pipeline,
                                 const std::string& sink) {
  auto extent = stores.Extent(sink, pipeline::kSnapshotPartition);
  if (!extent && extent.error().code() == ErrorCode::kNotFound) return PartRows();
  MR_CHECK_OK(extent);
  const auto rerun = stores.Rerun();
  if (!rerun) return NotCompared(sink, rerun.error().message(), true);
  MR_TRY(const auto snapshot, (*rerun)->FindSnapshot(pipeline.name, extent->next));
  if (!snapshot) return NotCompared(sink, "the log has dropped it");
  return Compare(stores, pipeline, sink, std::move(*extent), *snapshot);
}

}  // namespace millrace::app
