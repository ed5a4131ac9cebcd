#pragma once

#include <string>
#include <vector>

#include "records/record_store.hpp"

namespace millrace::pipeline {

/// For pipelines that run from the log alone, as what ran once and runs again. Whatever
/// needs the records stops: kInvalidArgument.
class NoRecords final : public records::RecordStore {
 public:
  void Submit(records::WriteRequest) override {}
  Result<records::Stored> Get(const std::string&, const std::string&,
                              const std::string&) override {
    return None();
  }
  Result<records::Page> List(const std::string&, const std::string&, const query::Query&,
                             Deadline) override {
    return None();
  }
  Result<std::vector<records::KeyVersion>> ListVersions(const std::string&,
                                                        const std::string&,
                                                        const query::Query&, Version,
                                                        Version, std::uint32_t,
                                                        Deadline) override {
    return None();
  }
  Result<Position> Scan(const std::string&, const records::ScanEach&) override {
    return None();
  }
  Result<std::vector<records::HistorySum>> Sums() override { return None(); }

 private:
  static std::unexpected<Error> None() {
    return Fail(ErrorCode::kInvalidArgument, "the log has dropped what it began with");
  }
};

}  // namespace millrace::pipeline
