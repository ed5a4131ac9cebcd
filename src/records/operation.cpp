#include "records/change_feed.hpp"

namespace millrace::records {

std::string_view ToString(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "insert";
    case Operation::kUpdate:
      return "update";
    case Operation::kReplace:
      return "replace";
    case Operation::kDelete:
      return "delete";
    case Operation::kRead:
      return "read";
  }
  return "unknown";
}

}  // namespace millrace::records
