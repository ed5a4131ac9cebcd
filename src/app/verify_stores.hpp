#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data_access.hpp"
#include "data_directory.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "lake/lake_lookup.hpp"
#include "log_history.hpp"
#include "objects_embedded/file_object_store.hpp"
#include "pipeline/state_db.hpp"
#include "pipeline_rerun.hpp"
#include "records_embedded/embedded_records.hpp"
#include "sql/engine.hpp"
#include "verify.hpp"

/// What verify reads: one data directory, for reading only. One thread.
namespace millrace::app {

/// The record store at one commit.
struct RecordsMoment {
  Position end;
  SliceMap slices;
  struct OfTenant {
    SliceSums state;
    std::vector<HashedEvent> changes;  ///< that the feed still has, in order
  };
  struct OfCollection {
    SliceSums history;                        ///< of all tenants
    std::map<std::string, OfTenant> tenants;  ///< "": records that belong to none
    bool of_tenants = false;                  ///< has, or had, records of a tenant
  };
  std::map<std::string, OfCollection> collections;
};

/// A lake as verify asks it.
struct LakeQuestion {
  std::vector<std::string> files;
  std::vector<std::string> columns;  ///< of the document, in its order
  std::optional<Slice> list;         ///< rows of it are wanted one by one, and no sums
};
struct LakeAnswer {
  SliceSums sums;
  std::vector<RowItem> items;
};

/// Parquet files as a relation.
std::string ReadFiles(const std::vector<std::string>& files);

class VerifyStores {
 public:
  /// `project`: empty for the one that was last served on the data.
  static Result<std::unique_ptr<VerifyStores>> Open(const std::filesystem::path& data,
                                                    std::filesystem::path project);

  Result<RecordsMoment> ReadRecords(TimestampUs width);
  /// Rows of records of the stream's collection and tenant within the slice.
  Result<std::vector<RowItem>> ListRecords(const StreamId& of, const Slice& slice);
  Result<Position> RecordsEnd() { return records_->End(); }
  Result<Refused> ReadRefused(const pipeline::StoredPipeline& pipeline,
                              const std::string& sink);
  /// The events of refused.sent as they were sent.
  Status ForEachSent(const Refused& refused, const SliceMap& slices,
                     const std::function<void(const HashedEvent&)>& each);
  /// Names of the newest event's members; none where the log has no event.
  Result<std::vector<std::string>> Columns(const eventlog::StreamInfo& info);
  /// kNotFound: the sink has not begun, or the partition has nothing.
  Result<lake::LakeExtent> Extent(const std::string& sink, std::uint32_t partition);
  /// Names of the columns of these files.
  Result<std::vector<std::string>> LakeColumns(const std::vector<std::string>& files);
  /// False: some column that a comparison needs is not there.
  Result<bool> LakeHasAll(const std::vector<std::string>& files,
                          const std::vector<std::string>& columns);
  /// The table and what it had refused at that moment; `without` is set to keys whose
  /// letters the log has dropped. Letters that came since the table was read are of later
  /// events, and the table's own positions say which redriven ones it has; both are read
  /// again where it was built anew meanwhile. kUnavailable: each time. Errors as
  /// AskTable.
  struct SteadyTable {
    TableAnswer answer;
    Refused refused;
  };
  Result<SteadyTable> AskTable(TableQuestion question,
                               const pipeline::StoredPipeline& pipeline,
                               const std::string& sink);
  /// kNotFound, kInvalidArgument: why there is no project whose pipelines could run.
  Result<PipelineRerun*> Rerun();
  pipeline::StateDb* state() { return state_.get(); }
  sql::Session& session() { return *session_; }
  Result<LakeAnswer> AskLake(const LakeQuestion& question, const SliceMap& slices);

  DataAccess& access() { return *access_; }
  eventlog::EventLogReader& log() { return *log_; }
  const std::string& source() const { return source_; }
  const std::vector<pipeline::StoredPipeline>& pipelines() const { return pipelines_; }

 private:
  VerifyStores(std::filesystem::path data, std::filesystem::path project)
      : paths_{std::move(data)}, project_(std::move(project)) {}
  Status OpenAll();
  Status ReadSnapshot(TimestampUs width, RecordsMoment& moment);
  Status ReadCollection(const std::string& name,
                        const std::vector<records::SumMark>& marks,
                        const change::Sum& sum, RecordsMoment& moment);
  Status ReadChanges(RecordsMoment& moment);
  Status FindTenants(RecordsMoment& moment);

  const DataPaths paths_;
  const std::filesystem::path project_;
  std::unique_ptr<DataAccess> access_;
  std::unique_ptr<records::RecordsReader> records_;
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<objects::FileObjectStore> lake_;
  std::unique_ptr<sql::Engine> engine_;
  std::unique_ptr<sql::Session> session_;
  std::unique_ptr<pipeline::StateDb> state_;
  std::string source_;
  std::vector<pipeline::StoredPipeline> pipelines_;
  std::optional<Result<std::unique_ptr<PipelineRerun>>> rerun_;
};

}  // namespace millrace::app
