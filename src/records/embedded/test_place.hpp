#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "../testing/conformance_fixture.hpp"
#include "records_embedded/embedded_records.hpp"

namespace millrace::records::testing {

/// A directory of its own, gone with the test.
class EmbeddedPlace : public Place {
 public:
  EmbeddedPlace() {
    auto name = (std::filesystem::temp_directory_path() / "mr_records_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~EmbeddedPlace() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Result<OpenStore> Open(const std::vector<schema::Collection>& collections,
                         const Clock& clock) override {
    options.directory = directory_;
    options.collections = collections;
    options.clock = &clock;
    MR_TRY(auto opened, EmbeddedRecords::Open(options));
    std::shared_ptr<EmbeddedRecords> owner = std::move(opened);
    return OpenStore{owner, owner.get(), owner.get()};
  }
  const std::filesystem::path& directory() const { return directory_; }

  EmbeddedRecordsOptions options;

 private:
  std::filesystem::path directory_;
};

}  // namespace millrace::records::testing
