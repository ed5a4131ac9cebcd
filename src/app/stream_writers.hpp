#pragma once

#include <memory>

#include "capture/stream_writer.hpp"
#include "project/project.hpp"
#include "stores.hpp"

namespace millrace::app {

/// What a writer of a declared stream stands on; all outlive it.
struct StreamStores {
  eventlog::EventLog& log;
  records::EmbeddedRecords& records;
};

/// The writer of a declared stream; `codec` (of the stream's events) and `metrics`
/// outlive it.
std::unique_ptr<capture::StreamWriter> MakeStreamWriter(const project::Stream& stream,
                                                        const schema::RecordCodec& codec,
                                                        StreamStores stores,
                                                        telemetry::Registry& metrics);

}  // namespace millrace::app
