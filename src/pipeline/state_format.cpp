#include "state_impl.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::int64_t kFormat = 2;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL);
INSERT INTO format SELECT 2 WHERE NOT EXISTS (SELECT 1 FROM format);
CREATE TABLE IF NOT EXISTS pipelines (
  pipeline TEXT PRIMARY KEY, stream TEXT NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sinks (
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, position INTEGER, state TEXT NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (pipeline, sink)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fields (
  stream TEXT NOT NULL, field TEXT NOT NULL, first_offset INTEGER NOT NULL,
  PRIMARY KEY (stream, field)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS definitions (
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, first_offset INTEGER NOT NULL,
  hash TEXT NOT NULL, PRIMARY KEY (pipeline, sink, first_offset)) WITHOUT ROWID;
)sql";

constexpr const char* kLetters = R"sql(
CREATE TABLE IF NOT EXISTS dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, event_id TEXT NOT NULL, stage TEXT NOT NULL,
  stream TEXT NOT NULL, "offset" INTEGER NOT NULL, version TEXT NOT NULL,
  key TEXT NOT NULL, reason TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL,
  attempts INTEGER NOT NULL, state TEXT NOT NULL, seen TEXT NOT NULL,
  first_at INTEGER NOT NULL, mended TEXT NOT NULL DEFAULT '',
  mend TEXT NOT NULL DEFAULT '', resent INTEGER, run INTEGER NOT NULL DEFAULT 0,
  UNIQUE (pipeline, sink, event_id));
CREATE INDEX IF NOT EXISTS dead_letters_by_state
  ON dead_letters (pipeline, sink, state, seen);
CREATE INDEX IF NOT EXISTS dead_letters_by_run ON dead_letters (run, state) WHERE run > 0;
CREATE INDEX IF NOT EXISTS dead_letters_sent
  ON dead_letters (pipeline, sink, resent) WHERE state = 'sent';
)sql";

/// Format 1 kept a letter for each stage that an event ever died in: the last one stays.
constexpr const char* kBeforeFormat2 = R"sql(
ALTER TABLE dead_letters RENAME TO dead_letters_1;
)sql";
constexpr const char* kToFormat2 = R"sql(
INSERT INTO dead_letters (id, pipeline, sink, event_id, stage, stream, "offset", version,
  key, reason, payload, at, attempts, state, seen, first_at)
  SELECT id, pipeline, sink, event_id, stage, stream, "offset", version, key, reason,
    payload, at, attempts, 'open', version, at FROM dead_letters_1 WHERE id IN
    (SELECT max(id) FROM dead_letters_1 GROUP BY pipeline, sink, event_id);
DROP TABLE dead_letters_1;
UPDATE format SET version = 2;
)sql";

Result<std::int64_t> FormatOf(Sqlite& db) {
  MR_TRY(auto statement, db.Prepare("SELECT version FROM format"));
  MR_TRY(const bool found, statement.Step());
  if (!found) return Fail(ErrorCode::kDataLoss, "pipelines.db says no format");
  return statement.Int(0);
}

Error OtherFormat(std::int64_t format) {
  return Error(ErrorCode::kConflict, "pipelines.db has format " + std::to_string(format) +
                                         "; this program reads up to " +
                                         std::to_string(kFormat));
}

}  // namespace

Status PrepareStateDb(Sqlite& db) {
  SqliteTransaction transaction(db);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(db.Run(kSchema));
  MR_TRY(const auto format, FormatOf(db));
  if (format > kFormat) return Fail(OtherFormat(format));
  const bool old = format < kFormat;
  if (old) MR_CHECK_OK(db.Run(kBeforeFormat2));
  MR_CHECK_OK(db.Run(kLetters));
  if (old) MR_CHECK_OK(db.Run(kToFormat2));
  return transaction.Commit();
}

Status CheckStateFormat(Sqlite& db) {
  MR_TRY(const auto format, FormatOf(db));
  if (format == kFormat) return {};
  return Fail(OtherFormat(format));
}

}  // namespace millrace::pipeline
