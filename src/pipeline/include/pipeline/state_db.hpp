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
#include "base/time.hpp"

namespace millrace::pipeline {

/// A change that a pipeline could not use, for one of its sinks.
struct DeadLetter {
  std::string pipeline, sink;
  std::string stream;
  Offset offset = 0;
  std::string event_id;  ///< "<stream>@<offset>" when the event has none that can be read
  std::string version;   ///< 32 hex digits, empty as above
  std::string key;       ///< text form of the record's key, empty as above
  std::string stage;     ///< "decode", "require", "lookup" or "sql"
  std::string reason;
  std::string payload;  ///< the event as the log has it
  TimestampUs at = 0;   ///< of the last attempt
  std::uint64_t attempts = 1;
};

/// One object as `millrace deadletters list --json` prints it: pipeline, sink, stream,
/// offset, event_id, version, key, stage, reason, payload (text), at, attempts.
void AppendJson(std::string& out, const DeadLetter& letter);

struct DeadLetterFilter {
  std::string pipeline, sink, stage;  ///< empty: any
  std::uint32_t limit = 100;          ///< 1..10'000
  std::string cursor;                 ///< `next_cursor` of the page before
};
struct DeadLetterPage {
  std::vector<DeadLetter> letters;  ///< in the order they were first stored
  std::string next_cursor;          ///< empty: the last page
};

/// A sink of a pipeline as it was last run.
struct StoredSink {
  std::string name;
  std::optional<Offset> position;  ///< next offset; nullopt: never started
  std::string state;               ///< as PipelineStatus
  std::string reason;
  std::uint64_t dead_letters = 0;  ///< counted now
};
struct StoredPipeline {
  std::string name;
  std::string stream;
  std::string hash;
  std::vector<StoredSink> sinks;
};

/// What pipelines remember beside their sinks, in <data>/pipelines.db: dead letters, the
/// definitions that ran last, and since when a stream has had a field. Positions here are
/// a report, never where a sink goes on. Any thread; calls block on the disk.
/// docs/formats/pipelines-db.md.
class StateDb {
 public:
  enum class Access : std::uint8_t { kReadWrite, kReadOnly };
  /// kNotFound: read-only, and there is no such file.
  static Result<std::unique_ptr<StateDb>> Open(const std::filesystem::path& data,
                                               Access access = Access::kReadWrite);
  ~StateDb();

  /// Upserts by (pipeline, sink, event id, stage), all or nothing; survives a power cut
  /// once this returns. Gives how many are new. kUnavailable, kResourceExhausted: nothing
  /// was stored.
  Result<std::uint64_t> Put(const std::vector<DeadLetter>& letters);
  Result<DeadLetterPage> List(const DeadLetterFilter& filter);
  Result<std::uint64_t> Count(std::string_view pipeline, std::string_view sink);
  /// What a sink refused of one event: by index, whatever the number of letters.
  Result<std::vector<DeadLetter>> LettersOf(std::string_view pipeline,
                                            std::string_view sink,
                                            std::string_view event_id);

  /// Makes `pipelines` all there are; what is known of their sinks stays.
  Status SetPipelines(const std::vector<StoredPipeline>& pipelines);
  Status SetSink(std::string_view pipeline, const StoredSink& sink);
  Result<std::vector<StoredPipeline>> Pipelines();

  /// First offset at which an event of the stream was seen to have each field.
  Result<std::map<std::string, Offset>> Fields(std::string_view stream);
  Status SetField(std::string_view stream, std::string_view field, Offset first);

  struct Impl;

 private:
  explicit StateDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::pipeline
