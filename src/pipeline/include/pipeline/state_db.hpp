#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "pipeline/dead_letters.hpp"

namespace millrace::pipeline {

/// A sink of a pipeline as it was last run.
struct StoredSink {
  std::string name;
  std::optional<Offset> position;  ///< next offset; nullopt: never started
  std::string state;               ///< as PipelineStatus
  std::string reason;
  std::uint64_t dead_letters = 0;  ///< waiting ones, counted now
};
struct StoredPipeline {
  std::string name;
  std::string stream;
  std::string hash;
  std::vector<StoredSink> sinks;
};

/// A definition that rows of a sink were made by, from the event of `first` on.
struct UsedDefinition {
  std::string hash;  ///< of the pipeline
  Offset first = 0;
};

/// What pipelines remember beside their sinks, in <data>/pipelines.db: dead letters, the
/// definitions that ran last, and since when a stream has had a field. Positions here are
/// a report, never where a sink goes on. Any thread; calls block on the disk.
/// docs/formats/pipelines-db.md.
class StateDb {
 public:
  enum class Access : std::uint8_t { kReadWrite, kReadOnly };
  /// A file of an older format is brought to ours; opened for reading it
  /// must be ours, or of format 2.
  /// kNotFound: read-only, and there is no such file.
  static Result<std::unique_ptr<StateDb>> Open(const std::filesystem::path& data,
                                               Access access = Access::kReadWrite);
  ~StateDb();

  DeadLetters& letters();

  /// Makes `pipelines` all there are; what is known of their sinks stays.
  Status SetPipelines(const std::vector<StoredPipeline>& pipelines);
  Status SetSink(std::string_view pipeline, const StoredSink& sink);
  Result<std::vector<StoredPipeline>> Pipelines();

  /// The sink works by `definition` from now on: nothing changes where it did so before.
  Status AddDefinition(std::string_view pipeline, std::string_view sink,
                       const UsedDefinition& definition);
  /// The sink is begun anew, so no row is of an older definition.
  Status ResetDefinitions(std::string_view pipeline, std::string_view sink,
                          const UsedDefinition& definition);
  /// Oldest first; none of a sink that did not run since this is kept.
  Result<std::vector<UsedDefinition>> Definitions(std::string_view pipeline,
                                                  std::string_view sink);

  /// First offset at which an event of the stream was seen to have each field.
  Result<std::map<std::string, Offset>> Fields(std::string_view stream);
  Status SetField(std::string_view stream, std::string_view field, Offset first);

  struct Impl;

 private:
  explicit StateDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::pipeline
