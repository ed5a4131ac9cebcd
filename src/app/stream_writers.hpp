#pragma once

#include <memory>

#include "capture/stream_writer.hpp"
#include "project/project.hpp"
#include "stores.hpp"

namespace millrace::app {

/// The writer of a declared stream into the log of `stores`, which outlive it as do
/// `codec` (of the stream's events) and `metrics`.
std::unique_ptr<capture::StreamWriter> MakeStreamWriter(const project::Stream& stream,
                                                        const schema::RecordCodec& codec,
                                                        Stores& stores,
                                                        telemetry::Registry& metrics);

}  // namespace millrace::app
