#include "eventlog/sequential_reader.hpp"

namespace millrace::eventlog {

Result<RecordBatch> SequentialReader::Read(Offset from, std::uint32_t max_records,
                                           std::uint64_t max_bytes) {
  RecordBatch batch = std::exchange(ahead_, {});
  if (!batch.empty() && batch.records().front().offset == from) {
    batch.Limit(max_records, max_bytes);
  } else {
    MR_TRY(batch, log_.Read(stream_, from, max_records, max_bytes));
  }
  ahead_ = batch.TakeRest();
  return batch;
}

}  // namespace millrace::eventlog
