#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sql/engine.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

namespace millrace::warehouse {

/// The rows of a guest as a temporary table of a session, for as long as this lives.
class GuestRows {
 public:
  /// At least the rows for which `filters` hold. kDeadlineExceeded, and what reading them
  /// or the engine says: nothing is left.
  static Result<std::unique_ptr<GuestRows>> Add(const GuestTable& guest,
                                                const std::vector<query::Filter>& filters,
                                                sql::Session& session, Deadline deadline);
  GuestRows(const GuestRows&) = delete;
  GuestRows& operator=(const GuestRows&) = delete;
  ~GuestRows();

 private:
  GuestRows(sql::Session& session, std::string name)
      : session_(session), name_(std::move(name)) {}
  sql::Session& session_;
  const std::string name_;
};

}  // namespace millrace::warehouse
