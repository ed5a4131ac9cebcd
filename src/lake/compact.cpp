#include "lake/compact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "compact_source.hpp"
#include "iceberg_table.hpp"
#include "lake/lake_lookup.hpp"
#include "sql/parquet_writer.hpp"

namespace millrace::lake {
namespace {

constexpr std::size_t kFilesAtOnce = 64;
constexpr std::uint64_t kRowsAtOnce = 250'000;
constexpr std::string_view kOffsetColumn = "_offset";

/// Rows of some files, as they lie there, with every column of the schema.
std::string SelectText(const IcebergSchema& schema, std::span<const SourceFile> files) {
  std::string columns, nulls, paths;
  for (const auto& field : schema.fields) {
    const char* const comma = columns.empty() ? "" : ", ";
    const auto name = sql::QuoteName(field.name), type = field.type.ToSql();
    columns += fmt::format("{}CAST({} AS {}) AS {}", comma, name, type, name);
    nulls += fmt::format("{}NULL::{} AS {}", comma, type, name);
  }
  for (const auto& file : files) {
    paths += (paths.empty() ? "" : ", ") + sql::QuoteText(file.path);
  }
  // The first SELECT has no rows: it has the columns that none of these files has.
  return fmt::format(
      "SELECT {} FROM (SELECT {} WHERE false UNION ALL BY NAME SELECT * FROM "
      "read_parquet([{}], union_by_name = true, hive_partitioning = false))",
      columns, nulls, paths);
}

/// Whether rows as they lie there are in the order of offsets, or have none.
Result<bool> InOrder(sql::Session& session, const IcebergSchema& schema,
                     const std::string& rows) {
  if (std::ranges::find(schema.fields, kOffsetColumn, &IcebergField::name) ==
      schema.fields.end()) {
    return true;
  }
  bool ordered = true;
  std::int64_t last = 0;
  const auto look = [&](const sql::Batch& block) {
    for (std::size_t row = 0; row < block.rows() && ordered; ++row) {
      ordered = !block.IsNull(0, row) && block.Int64(0, row) >= last;
      if (ordered) last = block.Int64(0, row);
    }
    return ordered;
  };
  MR_CHECK_OK(session.Stream("SELECT CAST(_offset AS BIGINT) FROM (" + rows + ")",
                             Deadline::Never(), look));
  return ordered;
}

/// Writes the data files of one run.
class Copier {
 public:
  /// `measuring` reads what was written while `session` is in the middle of a SELECT.
  Copier(sql::Engine& writer, sql::Session& session, sql::Session& measuring,
         const CompactOptions& options, IcebergTable& table, const IcebergSchema& schema,
         CompactProgress& progress)
      : writer_(writer),
        session_(session),
        measuring_(measuring),
        options_(options),
        table_(table),
        schema_(schema),
        columns_(ColumnsOf(schema)),
        progress_(progress) {}

  Result<std::vector<DataFile>> Copy(std::span<const SourceFile> files) {
    while (!files.empty()) {
      const auto some = files.first(TakeSome(files));
      if (partition_ != some.front().partition) MR_CHECK_OK(CloseFile());
      partition_ = some.front().partition;
      MR_CHECK_OK(CopyRows(some));
      files = files.subspan(some.size());
    }
    MR_CHECK_OK(CloseFile());
    return std::move(written_);
  }

 private:
  /// How many files are read together: a bounded number of rows, of one partition.
  static std::size_t TakeSome(std::span<const SourceFile> files) {
    std::uint64_t rows = 0;
    std::size_t count = 0;
    for (const auto& file : files.first(std::min(files.size(), kFilesAtOnce))) {
      if (file.partition != files.front().partition || rows >= kRowsAtOnce) break;
      rows += file.rows;
      ++count;
    }
    return count;
  }

  Status CopyRows(std::span<const SourceFile> files) {
    Status written;
    const auto write = [&](const sql::Batch& block) {
      written = Write(block);
      return written.has_value();
    };
    auto rows = SelectText(schema_, files);
    // A sort holds all of them, and needs many times the memory of a large row: only a
    // SELECT with an order of its own leaves something to do for it.
    MR_TRY(const bool ordered, InOrder(session_, schema_, rows));
    if (!ordered) rows += " ORDER BY _offset";
    MR_CHECK_OK(session_.Stream(rows, Deadline::Never(), write));
    return written;
  }

  Status Write(const sql::Batch& block) {
    if (!file_) {
      staged_ = table_.StagedFile(partition_, written_.size());
      sql::ParquetOptions options;
      options.field_ids = FieldIdsSql(schema_);
      MR_TRY(file_, sql::ParquetWriter::Create(writer_, staged_, columns_, options));
    }
    std::vector<std::uint32_t> all(block.rows());
    std::iota(all.begin(), all.end(), 0u);
    MR_CHECK_OK(file_->Write(block.Select(all)));
    progress_.rows += block.rows();
    std::error_code unknown;
    const auto bytes = std::filesystem::file_size(staged_, unknown);
    const bool large = (!unknown && bytes >= options_.file_bytes) || file_->overfull();
    return large || file_->rows() >= options_.file_rows ? CloseFile() : Status{};
  }

  Status CloseFile() {
    if (!file_) return {};
    const auto rows = file_->rows();
    MR_CHECK_OK(file_->Finish());
    file_.reset();
    MR_TRY(const auto path, table_.Publish(staged_));
    MR_TRY(auto measured, Measure(measuring_, path.string(), schema_));
    measured.location = IcebergTable::LocationOf(path);
    measured.rows = rows;
    written_.push_back(std::move(measured));
    return {};
  }

  sql::Engine& writer_;
  sql::Session& session_;
  sql::Session& measuring_;
  const CompactOptions& options_;
  IcebergTable& table_;
  const IcebergSchema& schema_;
  const schema::Columns columns_;
  CompactProgress& progress_;
  std::uint32_t partition_ = 0;
  std::unique_ptr<sql::ParquetWriter> file_;
  std::filesystem::path staged_;
  std::vector<DataFile> written_;
};

Status CheckOwner(const IcebergMetadata& copy, const CompactSource& source,
                  const CompactOptions& options) {
  if (copy.version() == 0 || copy.owner() == source.owner) return {};
  return Fail(ErrorCode::kInvalidArgument, options.to.string() + " is a copy of what " +
                                               copy.owner() + " writes, and " +
                                               options.folder + " is of " + source.owner);
}

CompactReport ReportOf(const IcebergMetadata& copy) {
  CompactReport report;
  report.version = copy.version();
  report.total_rows = copy.total_rows();
  report.next = copy.consumed();
  return report;
}

}  // namespace

Result<CompactReport> Compact(objects::ObjectStore& store, sql::Engine& reader,
                              sql::Engine& writer, const CompactOptions& options,
                              CompactProgress& progress) {
  MR_TRY(auto session, reader.Connect());
  // Before anything is made of `to`.
  MR_CHECK_OK(ReadExtent(store, *session, options.folder, 0));
  MR_TRY(auto table, IcebergTable::Open(options.to));
  const auto& copy = table.metadata();
  MR_TRY(const auto source, ReadSource(store, *session, options.folder, copy.consumed()));
  MR_CHECK_OK(CheckOwner(copy, source, options));
  progress.total = source.rows;
  if (copy.version() > 0 && source.next == copy.consumed()) return ReportOf(copy);
  IcebergChange change{
      source.owner, source.next, copy.schema(), copy.last_column_id(), {}};
  MR_TRY(const bool changed,
         Extend(change.schema, source.columns, change.last_column_id));
  if (changed && copy.version() > 0) ++change.schema.id;
  MR_TRY(const auto measuring, reader.Connect());
  Copier copier(writer, *session, *measuring, options, table, change.schema, progress);
  MR_TRY(change.files, copier.Copy(source.files));
  MR_CHECK_OK(table.Commit(change));
  auto report = ReportOf(table.metadata());
  report.rows = source.rows;
  report.files = source.files.size();
  report.data_files = change.files.size();
  for (const auto& file : change.files) report.bytes += file.bytes;
  return report;
}

}  // namespace millrace::lake
