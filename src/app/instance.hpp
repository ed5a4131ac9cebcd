#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "data_queries.hpp"
#include "gateway/ops_routes.hpp"
#include "project/project.hpp"
#include "records/record_store.hpp"
#include "settings.hpp"
#include "stage_counts.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// The whole process of `millrace serve`: opens every store of a data directory, starts
/// capture, pipelines and the HTTP server, and stops them in order. The only place where
/// adapters are named and objects are wired.
class Instance {
 public:
  /// kLocal: no public listener, only the socket of commands.
  enum class Api : std::uint8_t { kPublic, kLocal };
  /// Ready when this returns: every store is open and what it recovered is durable.
  /// Errors name the part. The data directory is created when absent.
  static Result<std::unique_ptr<Instance>> Start(project::Project project,
                                                 Settings settings,
                                                 const std::filesystem::path& data,
                                                 telemetry::Logger& logger,
                                                 Api api = Api::kPublic);
  /// As Stop with a short deadline.
  ~Instance();

  /// Of a public API.
  std::string url() const;
  records::RecordStore& records();
  /// Stops accepting, finishes what was begun, carries it through to the sinks, closes
  /// open rolls, and closes every store. False when the deadline cut it short: nothing is
  /// lost, the next start goes on.
  bool Stop(Deadline deadline);

  std::vector<gateway::Part> Parts();
  Result<std::vector<PipelineState>> Pipelines();
  Result<std::vector<StageCounts>> Stages();

 private:
  class Impl;
  explicit Instance(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
