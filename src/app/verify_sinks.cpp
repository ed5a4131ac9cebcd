#include "verify_sinks.hpp"

#include <algorithm>

namespace millrace::app {
namespace {

/// Both give false, and say why, where there is nothing to compare.
Result<bool> ReadTable(VerifyStores& stores, const std::vector<std::string>& columns,
                       const SliceMap& slices, SinkMoment& moment,
                       std::vector<std::string>& left_out) {
  moment.name = moment.sink.substr(moment.sink.find('.') + 1);
  TableQuestion question{moment.name, columns, {}, {}, {}, false};
  for (std::size_t i = 0; i + 1 < slices.size(); ++i) {
    question.bounds.push_back(slices.slices()[i].upto);
  }
  auto asked = stores.AskTable(question, *moment.pipeline, moment.sink);
  if (!asked && asked.error().code() == ErrorCode::kInvalidArgument) {
    moment.has_all = false;
    return true;
  }
  if (!asked && asked.error().code() == ErrorCode::kNotFound) {
    left_out.push_back(moment.name + ": not begun");
    return false;
  }
  if (!asked && asked.error().code() == ErrorCode::kUnavailable) {
    left_out.push_back(moment.name + ": " + asked.error().message());
    return false;
  }
  MR_CHECK_OK(asked);
  moment.table = std::move(asked->answer);
  moment.refused = std::move(asked->refused);
  return true;
}

Result<bool> ReadLake(VerifyStores& stores, const std::vector<std::string>& columns,
                      SinkMoment& moment, std::vector<std::string>& left_out) {
  moment.name = moment.sink;
  auto extent = stores.Extent(moment.sink, pipeline::kChangesPartition);
  if (!extent && extent.error().code() == ErrorCode::kNotFound) {
    left_out.push_back(moment.sink + ": not begun");
    return false;
  }
  MR_CHECK_OK(extent);
  MR_TRY(moment.has_all, stores.LakeHasAll(extent->files, columns));
  moment.extent = std::move(*extent);
  // After the files: a letter is stored before its sink goes on.
  MR_TRY(moment.refused, stores.ReadRefused(*moment.pipeline, moment.sink));
  return true;
}

}  // namespace

Result<std::deque<SinkMoment>> ReadSinks(VerifyStores& stores, const std::string& stream,
                                         const std::vector<std::string>& columns,
                                         const SliceMap& slices,
                                         std::vector<std::string>& left_out) {
  std::deque<SinkMoment> sinks;
  for (const auto& pipeline : stores.pipelines()) {
    if (pipeline.stream != stream || columns.empty()) continue;
    for (const auto& sink : pipeline.sinks) {
      SinkMoment moment;
      moment.pipeline = &pipeline;
      moment.sink = sink.name;
      MR_TRY(const bool begun, moment.is_table()
                                   ? ReadTable(stores, columns, slices, moment, left_out)
                                   : ReadLake(stores, columns, moment, left_out));
      if (begun) sinks.push_back(std::move(moment));
    }
  }
  return sinks;
}

}  // namespace millrace::app
