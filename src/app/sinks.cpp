#include "sinks.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "lake/lake_catalog.hpp"

namespace millrace::app {
namespace {

using Steady = std::chrono::steady_clock;

/// The way out that a refused change of definition is answered with.
Error WithRebuild(Error error, const std::string& pipeline) {
  if (error.code() != ErrorCode::kInvalidArgument) return error;
  return Error(ErrorCode::kInvalidArgument,
               error.message() +
                   "; to build it anew from the log: stop the server and run "
                   "`millrace pipelines rebuild " +
                   pipeline + "`");
}

class TableSink final : public pipeline::Sink {
 public:
  TableSink(warehouse::Warehouse& warehouse, const pipeline::CompiledPipeline& pipeline,
            const project::TableSink& table, const pipeline::CompiledSink& compiled,
            std::uint32_t partition)
      : warehouse_(warehouse), pipeline_(pipeline.definition.name) {
    spec_.name = table.name;
    spec_.key = table.key;
    spec_.owner = pipeline_ + "/" + compiled.name;
    spec_.partition = partition;
    spec_.insert_only = compiled.insert_only;
    spec_.indexes = compiled.indexes;
  }

  Result<std::optional<Offset>> Open(const schema::Columns& output) override {
    spec_.columns = output;
    auto position = warehouse_.OpenTable(spec_);
    if (!position) return Fail(WithRebuild(std::move(position.error()), pipeline_));
    if (!*position) return std::nullopt;
    committed_ = (*position)->next;
    return committed_;
  }

  Status Start(Offset first) override {
    MR_CHECK_OK(warehouse_.StartTable(spec_.name, spec_.partition, first));
    committed_ = first;
    return {};
  }

  Status Write(pipeline::SinkBatch batch) override {
    MR_CHECK_OK(warehouse_.Apply(spec_.name, batch.rows, batch.tombstones, batch.first,
                                 {batch.next, batch.last_version, spec_.partition}));
    committed_ = batch.next;
    return {};
  }

  Offset committed() const override { return committed_; }
  Result<std::vector<bool>> Superseded(
      const std::vector<pipeline::RecordState>& states) override {
    std::vector<warehouse::KeyVersion> asked;
    for (const auto& state : states) asked.push_back({state.key, state.version});
    return warehouse_.Superseded(spec_.name, asked);
  }
  std::optional<Offset> Stored() override {
    if (spec_.partition != 0) return std::nullopt;
    const auto table = warehouse_.FindTable(spec_.name);
    if (!table || !table->position) return std::nullopt;
    return table->position->next;
  }
  std::optional<Steady::time_point> due() const override { return std::nullopt; }
  Status Flush() override { return {}; }

 private:
  warehouse::Warehouse& warehouse_;
  const std::string pipeline_;
  warehouse::TableSpec spec_;
  Offset committed_ = 0;
};

class LakeSink final : public pipeline::Sink {
 public:
  LakeSink(const SinkParts& parts, const pipeline::CompiledPipeline& pipeline,
           const pipeline::CompiledSink& compiled, const project::LakeSink& lake,
           std::uint32_t partition)
      : parts_(parts),
        pipeline_(pipeline.definition.name),
        keeps_version_(compiled.selects_version) {
    options_.path = lake.path;
    options_.partition = partition;
    options_.owner = pipeline_ + "/" + compiled.name;
    options_.writer_id = parts.writer_id;
    options_.pipeline_hash = pipeline.hash;
    options_.compression = lake.compression == "none" ? "uncompressed" : lake.compression;
    options_.row_group_rows = parts.row_group_rows;
    options_.roll_rows = lake.roll_rows;
    options_.roll_bytes = lake.roll_bytes;
    options_.roll_every = std::chrono::milliseconds(lake.roll_every_ms);
    options_.offset_column = lake.offset_column;
  }

  Result<std::optional<Offset>> Open(const schema::Columns& output) override {
    options_.columns = output;
    if (keeps_version_) {
      options_.columns.push_back({"_version", schema::Type::Simple(schema::Kind::kText)});
    }
    writer_.reset();
    auto writer = lake::LakeWriter::Open(parts_.lake, parts_.engine, options_);
    if (!writer) return Fail(WithRebuild(std::move(writer.error()), pipeline_));
    writer_ = std::move(*writer);
    return writer_->committed();
  }

  Status Start(Offset first) override { return writer_->Start(first); }

  Status Write(pipeline::SinkBatch batch) override {
    return writer_->Write(std::move(batch.rows), batch.first, batch.next,
                          batch.last_version);
  }

  Status Skip(Offset next, const std::string& why) override {
    return writer_->Skip(next, why);
  }
  Offset committed() const override { return writer_->committed().value_or(0); }
  std::optional<Offset> Stored() override {
    if (writer_) return writer_->committed();
    if (options_.partition != 0) return std::nullopt;
    const auto session = parts_.engine.Connect();
    if (!session) return std::nullopt;
    const auto tables = lake::LakeCatalog(parts_.lake, **session).Tables();
    if (!tables) return std::nullopt;
    const auto found =
        std::ranges::find(*tables, options_.path, &lake::LakeTable::folder);
    return found == tables->end() ? std::nullopt : found->next_offset;
  }
  std::optional<Steady::time_point> due() const override { return writer_->due(); }
  Status Flush() override { return writer_->Flush(); }

 private:
  const SinkParts& parts_;
  const std::string pipeline_;
  const bool keeps_version_;  ///< the SELECT names it; otherwise the lake does without
  lake::LakeOptions options_;
  std::unique_ptr<lake::LakeWriter> writer_;
};

}  // namespace

pipeline::SinkFactory MakeSinkFactory(const SinkParts& parts) {
  return [&parts](const pipeline::CompiledPipeline& pipeline,
                  const pipeline::CompiledSink& compiled, const project::Sink& sink,
                  std::uint32_t partition) -> Result<std::unique_ptr<pipeline::Sink>> {
    if (const auto* table = std::get_if<project::TableSink>(&sink.target)) {
      return std::make_unique<TableSink>(*parts.warehouse, pipeline, *table, compiled,
                                         partition);
    }
    return std::make_unique<LakeSink>(
        parts, pipeline, compiled, std::get<project::LakeSink>(sink.target), partition);
  };
}

}  // namespace millrace::app
