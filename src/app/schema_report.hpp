#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "pipeline/compile.hpp"
#include "project/project.hpp"
#include "records_embedded/schema_change.hpp"

namespace millrace::app {

/// What the next `serve` of a project would change in a data directory.
struct SchemaReport {
  struct Affected {
    std::string pipeline;
    std::string why;  ///< "reads orders", "its definition changed: …"
  };
  std::vector<records::SchemaChange> changes;
  std::vector<Affected> pipelines;
  bool Refused() const;
  std::string ToText() const;
  std::string ToJson() const;
};

/// Reads beside a running server or without one; changes nothing. kNotFound: no data
/// directory; kConflict: of a newer version.
Result<SchemaReport> ReportSchema(const project::Project& project,
                                  const std::vector<pipeline::CompiledPipeline>& compiled,
                                  const std::filesystem::path& data);

}  // namespace millrace::app
