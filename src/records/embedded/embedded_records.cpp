#include "records_embedded/embedded_records.hpp"

#include <utility>

#include "base/file.hpp"
#include "change_tail.hpp"
#include "checkpointer.hpp"
#include "feed_reader.hpp"
#include "group_writer.hpp"
#include "layout.hpp"
#include "lister.hpp"
#include "metrics.hpp"
#include "point_reader.hpp"
#include "reader_pool.hpp"
#include "record_writer.hpp"
#include "scan.hpp"
#include "snapshot.hpp"
#include "sqlite.hpp"
#include "store_state.hpp"

namespace millrace::records {
namespace {

/// The writer keeps the upper pages of tables and indexes at hand.
constexpr std::int64_t kWriterCacheKib = 12 * 1024;

/// What a killed process has written but not synced is read by us and can still be lost
/// in a power cut: it becomes durable before anything is read onwards.
Status MakeDurable(const std::filesystem::path& directory) {
  const auto log = directory / (std::string(kDatabaseFile) + "-wal");
  std::error_code ignored;
  if (!std::filesystem::exists(log, ignored)) return {};
  MR_TRY(auto file, File::OpenRead(log));
  MR_CHECK_OK(file.SyncData());
  return SyncDir(directory);
}

Result<Database> OpenForWriting(const EmbeddedRecordsOptions& options) {
  MR_CHECK_OK(MakeDirs(options.directory));
  MR_CHECK_OK(MakeDurable(options.directory));
  MR_TRY(auto db,
         Database::Open(options.directory / kDatabaseFile,
                        {.mode = Database::Mode::kWriter, .cache_kib = kWriterCacheKib}));
  MR_CHECK_OK(CheckFormat(db));
  MR_CHECK_OK(db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  MR_CHECK_OK(
      PrepareLayout(db, options.collections, options.source, options.clock->Now()));
  return db;
}

}  // namespace

/// In the order of use: the writer, which uses all others, ends first.
struct EmbeddedRecords::Parts {
  Parts(EmbeddedRecordsOptions given, const StoreState& state)
      : options(std::move(given)),
        file(options.directory / kDatabaseFile),
        metrics(options.metrics),
        tail({state.epoch, state.next_seq - 1}, options.tail_bytes),
        feed(file, tail, state.epoch),
        pool(file, options.readers),
        lister(options.collections, pool) {}

  Status Start(Database db, std::unique_ptr<RecordWriter> records);

  EmbeddedRecordsOptions options;
  std::filesystem::path file;
  Metrics metrics;
  ChangeTail tail;
  FeedReader feed;
  ReaderPool pool;
  Lister lister;
  std::unique_ptr<PointReader> points;
  std::unique_ptr<Checkpointer> checkpointer;
  std::unique_ptr<GroupWriter> writer;
  telemetry::CallbackHandle waiting;
};

Status EmbeddedRecords::Parts::Start(Database db, std::unique_ptr<RecordWriter> records) {
  MR_TRY(points, PointReader::Open(file, options.collections));
  MR_TRY(checkpointer, Checkpointer::Start(file));
  MR_TRY(writer, GroupWriter::Start(std::move(db), std::move(records), *checkpointer,
                                    tail, metrics, options.logger,
                                    {.group_max = options.group_max,
                                     .queue_max = options.queue_max,
                                     .queue_max_bytes = options.queue_max_bytes,
                                     .idle_trim = options.idle_trim}));
  waiting = metrics.registry.AddCallback(
      telemetry::Registry::CallbackKind::kGauge, "records_untrimmed_changes",
      "Change rows that capture has not released yet", {},
      [this] { return static_cast<double>(tail.End().low - writer->trimmed()); });
  return {};
}

EmbeddedRecords::EmbeddedRecords(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}
EmbeddedRecords::~EmbeddedRecords() = default;

Result<std::unique_ptr<EmbeddedRecords>> EmbeddedRecords::Open(
    EmbeddedRecordsOptions options) {
  MR_TRY(auto db, OpenForWriting(options));
  MR_TRY(auto records,
         RecordWriter::Open(db, options.collections, options.source, *options.clock));
  auto parts = std::make_unique<Parts>(std::move(options), records->state());
  MR_CHECK_OK(parts->Start(std::move(db), std::move(records)));
  return std::unique_ptr<EmbeddedRecords>(new EmbeddedRecords(std::move(parts)));
}

void EmbeddedRecords::Submit(WriteRequest request) {
  parts_->writer->Submit(std::move(request));
}

Result<Stored> EmbeddedRecords::Get(const std::string& tenant,
                                    const std::string& collection,
                                    const std::string& key) {
  return parts_->points->Get(tenant, collection, key);
}

Result<Page> EmbeddedRecords::List(const std::string& tenant,
                                   const std::string& collection,
                                   const query::Query& query, Deadline deadline) {
  return parts_->lister.List(tenant, collection, query, deadline);
}

Result<std::vector<KeyVersion>> EmbeddedRecords::ListVersions(
    const std::string& tenant, const std::string& collection, const query::Query& query,
    Version after, Version upto, std::uint32_t max, Deadline deadline) {
  return parts_->lister.ListVersions(tenant, collection, query, {after, upto, max},
                                     deadline);
}

Result<Position> EmbeddedRecords::Scan(const std::string& collection,
                                       const ScanEach& each) {
  MR_TRY(auto db, parts_->pool.Take(Deadline::Never()));
  return ScanTable(*db, collection, each);
}

Result<std::vector<HistorySum>> EmbeddedRecords::Sums() {
  MR_TRY(auto db, parts_->pool.Take(Deadline::Never()));
  return ReadSums(*db);
}

std::string EmbeddedRecords::source() const { return parts_->options.source; }

Result<ChangeBatch> EmbeddedRecords::Read(Position after, std::uint32_t max_rows,
                                          std::uint64_t max_bytes) {
  return parts_->feed.Read(after, parts_->writer->trimmed(), max_rows, max_bytes);
}

Result<Position> EmbeddedRecords::Begin() {
  MR_TRY(const auto end, End());
  return Position{end.high, parts_->writer->trimmed()};
}

Result<Position> EmbeddedRecords::End() { return parts_->tail.End(); }

bool EmbeddedRecords::WaitFor(Position beyond, Deadline deadline) {
  return parts_->tail.WaitFor(beyond, deadline);
}

void EmbeddedRecords::Interrupt() { parts_->tail.Interrupt(); }

void EmbeddedRecords::Trim(Position upto) {
  const auto end = parts_->tail.End();
  if (upto.high > end.high || upto.low > end.low) return;  // not one of ours
  parts_->tail.Forget(upto);
  parts_->writer->Trim(upto.low);
}

Status EmbeddedRecords::CopyTo(const std::filesystem::path& file,
                               const std::function<Status()>& before_cut,
                               const CopyProgress& progress) {
  parts_->writer->HoldTrim();
  std::optional<Database> snapshot;
  const auto taken = [&]() -> Status {
    MR_CHECK_OK(before_cut());
    MR_TRY(snapshot, OpenSnapshot(parts_->file));
    return {};
  }();
  parts_->writer->ReleaseTrim();
  MR_CHECK_OK(taken);
  return CopyPages(*snapshot, file, progress);
}

Status EmbeddedRecords::Health() const { return parts_->writer->health(); }

}  // namespace millrace::records
