#pragma once

#include <functional>
#include <string>
#include <vector>

#include "verify_stores.hpp"

/// Which events a finding is about: reads the slice again, row by row. What has changed
/// since the finding is read as of now, on both sides. At most a million rows of a slice.
namespace millrace::app {

/// The name of a row for people, of what its RowItem has as position.
using NameOfRow = std::function<std::string(std::uint64_t position)>;
/// Rows that one side has and the other has not.
void NameDifferences(std::vector<RowItem> expected, std::vector<RowItem> found,
                     const NameOfRow& name_of, Finding& finding);

/// Rows that only their content tells apart: what both sides have goes.
void DropPairs(std::vector<RowItem>& wanted, std::vector<RowItem>& have);

struct Narrowing {
  VerifyStores& stores;
  const SliceMap& slices;
  eventlog::StreamInfo stream;
  std::vector<std::string> columns;
  std::string source;  ///< of the events
  std::uint32_t epoch = 0;
  bool declared = false;  ///< a declared stream

  Status Lake(const lake::LakeExtent& extent, const Refused& refused, Finding& finding);
  Status Table(const std::string& table, const pipeline::StoredPipeline& pipeline,
               const std::string& sink, Finding& finding);
  Status Records(Finding& finding);
  /// Positions of the slice that no stream of the log has.
  Status Log(Finding& finding);
  /// Event ids.
  NameOfRow Names() const;

 private:
  /// First offset of the stream whose event may be in the slice.
  Result<Offset> Begin(const eventlog::StreamInfo& info, const Slice& slice);
  /// Newest of each key before offset `next`, of positions up to `upto`, in the slice.
  Result<std::vector<RowItem>> State(Offset next, std::uint64_t upto, const Slice& slice,
                                     const Refused& refused);
};

}  // namespace millrace::app
