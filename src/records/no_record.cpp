#include "records/record_store.hpp"

namespace millrace::records {

Error NoRecord(std::string_view collection, std::string_view key) {
  std::string message = "no record '";
  message.append(key).append("' in collection ").append(collection);
  return Error(ErrorCode::kNotFound, std::move(message));
}

}  // namespace millrace::records
