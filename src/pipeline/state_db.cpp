#include "pipeline/state_db.hpp"

#include <mutex>
#include <set>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "sqlite.hpp"

namespace millrace::pipeline {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL);
INSERT INTO format SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM format);
CREATE TABLE IF NOT EXISTS pipelines (
  pipeline TEXT PRIMARY KEY, stream TEXT NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sinks (
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, position INTEGER, state TEXT NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (pipeline, sink)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, event_id TEXT NOT NULL, stage TEXT NOT NULL,
  stream TEXT NOT NULL, "offset" INTEGER NOT NULL, version TEXT NOT NULL,
  key TEXT NOT NULL, reason TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL,
  attempts INTEGER NOT NULL, UNIQUE (pipeline, sink, event_id, stage));
CREATE TABLE IF NOT EXISTS fields (
  stream TEXT NOT NULL, field TEXT NOT NULL, first_offset INTEGER NOT NULL,
  PRIMARY KEY (stream, field)) WITHOUT ROWID;
)sql";

constexpr std::int64_t kFormat = 1;

std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }

Status CheckFormat(Sqlite& db) {
  MR_TRY(auto statement, db.Prepare("SELECT version FROM format"));
  MR_TRY(const bool found, statement.Step());
  if (!found) return Fail(ErrorCode::kDataLoss, "pipelines.db says no format");
  if (statement.Int(0) <= kFormat) return {};
  return Fail(ErrorCode::kConflict,
              "pipelines.db has format " + std::to_string(statement.Int(0)) +
                  "; this program reads up to " + std::to_string(kFormat));
}

}  // namespace

struct StateDb::Impl {
  std::mutex mutex;
  Sqlite db;

  Result<std::vector<StoredSink>> SinksOf(std::string_view pipeline);
  Result<std::uint64_t> CountLocked(std::string_view pipeline, std::string_view sink);
};

StateDb::StateDb(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StateDb::~StateDb() = default;

Result<std::unique_ptr<StateDb>> StateDb::Open(const std::filesystem::path& data,
                                               Access access) {
  const auto path = data / "pipelines.db";
  std::error_code ignored;
  const bool read_only = access == Access::kReadOnly;
  if (read_only && !std::filesystem::exists(path, ignored)) {
    return Fail(ErrorCode::kNotFound, path.string() + " does not exist");
  }
  auto impl = std::make_unique<Impl>();
  MR_TRY(impl->db, Sqlite::Open(path, read_only ? Sqlite::Mode::kReadOnly
                                                : Sqlite::Mode::kDurable));
  if (!read_only) {
    MR_CHECK_OK(impl->db.Run(kSchema));
    MR_CHECK_OK(SyncDir(data));
  }
  MR_CHECK_OK(CheckFormat(impl->db));
  return std::unique_ptr<StateDb>(new StateDb(std::move(impl)));
}

Result<std::uint64_t> StateDb::Put(const std::vector<DeadLetter>& letters) {
  if (letters.empty()) return 0;
  const std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto put, impl_->db.Prepare(
                       "INSERT INTO dead_letters VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,1) "
                       "ON CONFLICT (pipeline, sink, event_id, stage) DO UPDATE SET "
                       "reason = excluded.reason, payload = excluded.payload, "
                       "at = excluded.at, attempts = attempts + 1 "
                       "RETURNING attempts"));
  std::uint64_t added = 0;
  for (const DeadLetter& letter : letters) {
    put.Bind(1, letter.pipeline).Bind(2, letter.sink).Bind(3, letter.event_id);
    put.Bind(4, letter.stage).Bind(5, letter.stream).Bind(6, Signed(letter.offset));
    put.Bind(7, letter.version).Bind(8, letter.key).Bind(9, letter.reason);
    put.Bind(10, letter.payload).Bind(11, letter.at);
    MR_TRY(const bool row, put.Step());
    added += row && put.Int(0) == 1 ? 1 : 0;
    MR_CHECK_OK(put.Finish());
  }
  MR_CHECK_OK(transaction.Commit());
  return added;
}

Result<std::uint64_t> StateDb::Impl::CountLocked(std::string_view pipeline,
                                                 std::string_view sink) {
  MR_TRY(auto statement,
         db.Prepare("SELECT count(*) FROM dead_letters WHERE pipeline = ? AND sink = ?"));
  statement.Bind(1, pipeline).Bind(2, sink);
  MR_TRY(const bool found, statement.Step());
  return found ? Unsigned(statement.Int(0)) : 0;
}

Result<std::uint64_t> StateDb::Count(std::string_view pipeline, std::string_view sink) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->CountLocked(pipeline, sink);
}

Status StateDb::SetPipelines(const std::vector<StoredPipeline>& pipelines) {
  const std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->db);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(impl_->db.Run("DELETE FROM pipelines"));
  MR_TRY(auto insert, impl_->db.Prepare("INSERT INTO pipelines VALUES (?, ?, ?)"));
  MR_TRY(auto keep, impl_->db.Prepare("INSERT INTO sinks VALUES (?, ?, NULL, 'new', '') "
                                      "ON CONFLICT DO NOTHING"));
  std::set<std::pair<std::string, std::string>> known;
  for (const StoredPipeline& pipeline : pipelines) {
    insert.Bind(1, pipeline.name).Bind(2, pipeline.stream).Bind(3, pipeline.hash);
    MR_CHECK_OK(insert.Finish());
    for (const StoredSink& sink : pipeline.sinks) {
      keep.Bind(1, pipeline.name).Bind(2, sink.name);
      MR_CHECK_OK(keep.Finish());
      known.emplace(pipeline.name, sink.name);
    }
  }
  std::vector<std::pair<std::string, std::string>> gone;
  {
    MR_TRY(auto all, impl_->db.Prepare("SELECT pipeline, sink FROM sinks"));
    while (true) {
      MR_TRY(const bool more, all.Step());
      if (!more) break;
      std::pair<std::string, std::string> one(all.Text(0), all.Text(1));
      if (!known.contains(one)) gone.push_back(std::move(one));
    }
  }
  MR_TRY(auto remove,
         impl_->db.Prepare("DELETE FROM sinks WHERE pipeline = ? AND sink = ?"));
  for (const auto& [pipeline, sink] : gone) {
    remove.Bind(1, pipeline).Bind(2, sink);
    MR_CHECK_OK(remove.Finish());
  }
  return transaction.Commit();
}

Status StateDb::SetSink(std::string_view pipeline, const StoredSink& sink) {
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(auto put, impl_->db.Prepare("INSERT INTO sinks VALUES (?, ?, ?, ?, ?) "
                                     "ON CONFLICT (pipeline, sink) DO UPDATE SET "
                                     "position = coalesce(excluded.position, position), "
                                     "state = excluded.state, reason = excluded.reason"));
  put.Bind(1, pipeline).Bind(2, sink.name).Bind(4, sink.state).Bind(5, sink.reason);
  if (sink.position) {
    put.Bind(3, Signed(*sink.position));
  } else {
    put.BindNull(3);
  }
  return put.Finish();
}

Result<std::vector<StoredSink>> StateDb::Impl::SinksOf(std::string_view pipeline) {
  std::vector<StoredSink> sinks;
  MR_TRY(auto select, db.Prepare("SELECT sink, position, state, reason FROM sinks WHERE "
                                 "pipeline = ? ORDER BY sink"));
  select.Bind(1, pipeline);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return sinks;
    StoredSink sink{std::string(select.Text(0)),
                    {},
                    std::string(select.Text(2)),
                    std::string(select.Text(3)),
                    0};
    if (!select.IsNull(1)) sink.position = Unsigned(select.Int(1));
    MR_TRY(sink.dead_letters, CountLocked(pipeline, sink.name));
    sinks.push_back(std::move(sink));
  }
}

Result<std::vector<StoredPipeline>> StateDb::Pipelines() {
  const std::lock_guard lock(impl_->mutex);
  std::vector<StoredPipeline> pipelines;
  MR_TRY(auto select,
         impl_->db.Prepare("SELECT pipeline, stream, hash FROM pipelines ORDER BY 1"));
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) break;
    pipelines.push_back({std::string(select.Text(0)),
                         std::string(select.Text(1)),
                         std::string(select.Text(2)),
                         {}});
  }
  for (StoredPipeline& pipeline : pipelines) {
    MR_TRY(pipeline.sinks, impl_->SinksOf(pipeline.name));
  }
  return pipelines;
}

Result<std::map<std::string, Offset>> StateDb::Fields(std::string_view stream) {
  const std::lock_guard lock(impl_->mutex);
  std::map<std::string, Offset> fields;
  MR_TRY(auto select,
         impl_->db.Prepare("SELECT field, first_offset FROM fields WHERE stream = ?"));
  select.Bind(1, stream);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return fields;
    fields.emplace(select.Text(0), Unsigned(select.Int(1)));
  }
}

Status StateDb::SetField(std::string_view stream, std::string_view field, Offset first) {
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(auto put, impl_->db.Prepare(
                       "INSERT INTO fields VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                       "first_offset = min(first_offset, excluded.first_offset)"));
  put.Bind(1, stream).Bind(2, field).Bind(3, Signed(first));
  return put.Finish();
}

namespace {

constexpr std::string_view kSelectLetters =
    "SELECT pipeline, sink, stream, \"offset\", event_id, version, key, stage, reason, "
    "payload, at, attempts, id FROM dead_letters ";

/// A row of kSelectLetters.
DeadLetter LetterOf(SqliteStatement& row) {
  const auto text = [&row](int column) { return std::string(row.Text(column)); };
  return {text(0), text(1), text(2),     Unsigned(row.Int(3)),
          text(4), text(5), text(6),     text(7),
          text(8), text(9), row.Int(10), Unsigned(row.Int(11))};
}

}  // namespace

Result<DeadLetterPage> StateDb::List(const DeadLetterFilter& filter) {
  if (filter.limit < 1 || filter.limit > 10'000) {
    return Fail(ErrorCode::kInvalidArgument, "limit must be from 1 to 10000");
  }
  std::int64_t skip = 0;
  if (!filter.cursor.empty()) {
    MR_TRY(const auto decoded, ParseHex(filter.cursor));
    skip = Signed(decoded);
  }
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(
      auto select,
      impl_->db.Prepare(std::string(kSelectLetters) +
                        "WHERE (?1 = '' OR pipeline = ?1) AND (?2 = '' OR sink = ?2) AND "
                        "(?3 = '' OR stage = ?3) AND id > ?4 ORDER BY id LIMIT ?5"));
  select.Bind(1, filter.pipeline).Bind(2, filter.sink).Bind(3, filter.stage);
  select.Bind(4, skip).Bind(5, std::int64_t{filter.limit} + 1);
  DeadLetterPage page;
  std::int64_t last = 0;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return page;
    if (page.letters.size() == filter.limit) {
      AppendHex(page.next_cursor, Unsigned(last), 16);
      return page;
    }
    page.letters.push_back(LetterOf(select));
    last = select.Int(12);
  }
}

Result<std::vector<DeadLetter>> StateDb::LettersOf(std::string_view pipeline,
                                                   std::string_view sink,
                                                   std::string_view event_id) {
  const std::lock_guard lock(impl_->mutex);
  std::vector<DeadLetter> letters;
  MR_TRY(auto select, impl_->db.Prepare(std::string(kSelectLetters) +
                                        "WHERE pipeline = ? AND sink = ? AND "
                                        "event_id = ? ORDER BY id"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, event_id);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return letters;
    letters.push_back(LetterOf(select));
  }
}

void AppendJson(std::string& out, const DeadLetter& letter) {
  const auto text = [&out](std::string_view name, std::string_view value) {
    AppendJsonKey(out, name);
    AppendJsonString(out, value);
    out += ',';
  };
  out += '{';
  text("pipeline", letter.pipeline);
  text("sink", letter.sink);
  text("stream", letter.stream);
  AppendJsonKey(out, "offset");
  AppendUint(out, letter.offset);
  out += ',';
  text("event_id", letter.event_id);
  text("version", letter.version);
  text("key", letter.key);
  text("stage", letter.stage);
  text("reason", letter.reason);
  text("payload", letter.payload);
  std::string at;
  AppendTimestamp(at, letter.at);
  text("at", at);
  AppendJsonKey(out, "attempts");
  AppendUint(out, letter.attempts);
  out += '}';
}

}  // namespace millrace::pipeline
