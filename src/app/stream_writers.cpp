#include "stream_writers.hpp"

namespace millrace::app {

std::unique_ptr<capture::StreamWriter> MakeStreamWriter(const project::Stream& stream,
                                                        const schema::RecordCodec& codec,
                                                        StreamStores stores,
                                                        telemetry::Registry& metrics) {
  capture::StreamWriterOptions options;
  options.dedup_window_ms = stream.dedup_window_ms;
  options.dedup_ids = stream.dedup_ids;
  return std::make_unique<capture::StreamWriter>(
      stores.log, codec, [&records = stores.records] { return records.End(); },
      SystemClock(), metrics, options);
}

}  // namespace millrace::app
