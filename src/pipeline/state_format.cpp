#include "state_impl.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::int64_t kFormat = 4;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS format (version INTEGER NOT NULL);
INSERT INTO format SELECT 4 WHERE NOT EXISTS (SELECT 1 FROM format);
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

/// A letter's events, the most of it, stand beside it: to redrive it writes its row
/// twice. For the same reason no index has what changes then, but to leave the waiting
/// ones.
constexpr const char* kLetters = R"sql(
CREATE TABLE IF NOT EXISTS dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline TEXT NOT NULL, sink TEXT NOT NULL, event_id TEXT NOT NULL, stage TEXT NOT NULL,
  stream TEXT NOT NULL, "offset" INTEGER NOT NULL, version TEXT NOT NULL,
  key TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
  attempts INTEGER NOT NULL, seen TEXT NOT NULL, first_at INTEGER NOT NULL,
  resent INTEGER, run INTEGER NOT NULL DEFAULT 0,
  rebuilding INTEGER NOT NULL DEFAULT 0, outcome TEXT NOT NULL DEFAULT '',
  dismissal TEXT NOT NULL DEFAULT '',
  state TEXT AS (CASE WHEN outcome <> '' THEN outcome WHEN rebuilding THEN 'rebuilding'
    WHEN resent IS NULL THEN 'open' ELSE 'sent' END),
  UNIQUE (pipeline, sink, event_id));
CREATE TABLE IF NOT EXISTS letter_events (
  letter INTEGER PRIMARY KEY, payload TEXT NOT NULL, mended TEXT NOT NULL DEFAULT '',
  mend TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS letters_waiting
  ON dead_letters (pipeline, sink, seen, outcome) WHERE outcome = '';
CREATE INDEX IF NOT EXISTS letters_rebuilding
  ON dead_letters (pipeline, sink) WHERE rebuilding = 1;
CREATE INDEX IF NOT EXISTS letters_resent
  ON dead_letters (pipeline, sink, resent) WHERE resent IS NOT NULL;
CREATE INDEX IF NOT EXISTS letters_dismissed
  ON dead_letters (pipeline, sink, stream, "offset") WHERE outcome = 'dismissed';
CREATE INDEX IF NOT EXISTS letters_of_run ON dead_letters (run) WHERE run > 0;
)sql";

constexpr const char* kSetOldAside = R"sql(
ALTER TABLE dead_letters RENAME TO old_letters;
)sql";
/// Format 1 kept a letter for each stage that an event ever died in: the last one stays.
constexpr const char* kFromFormat1 = R"sql(
DELETE FROM old_letters WHERE id NOT IN
  (SELECT max(id) FROM old_letters GROUP BY pipeline, sink, event_id);
INSERT INTO dead_letters (id, pipeline, sink, event_id, stage, stream, "offset", version,
  key, reason, at, attempts, seen, first_at)
  SELECT id, pipeline, sink, event_id, stage, stream, "offset", version, key, reason,
    at, attempts, version, at FROM old_letters;
INSERT INTO letter_events (letter, payload) SELECT id, payload FROM old_letters;
)sql";
/// Format 2 kept a letter in one row, with a state for what is told by three columns now.
constexpr const char* kFromFormat2 = R"sql(
INSERT INTO dead_letters (id, pipeline, sink, event_id, stage, stream, "offset", version,
  key, reason, at, attempts, seen, first_at, resent, run, rebuilding, outcome)
  SELECT id, pipeline, sink, event_id, stage, stream, "offset", version, key, reason,
    at, attempts, seen, first_at, resent, run, state = 'rebuilding',
    iif(state IN ('open', 'sent', 'rebuilding'), '', state) FROM old_letters;
INSERT INTO letter_events SELECT id, payload, mended, mend FROM old_letters;
)sql";
/// Format 3 knew no dismissed letters.
constexpr const char* kFromFormat3 = R"sql(
ALTER TABLE dead_letters ADD COLUMN dismissal TEXT NOT NULL DEFAULT '';
)sql";
/// For those who may not write: formats 2 and 3 look like 4.
constexpr const char* kReadFormat2 = R"sql(
CREATE TEMP VIEW letter_events AS
  SELECT id AS letter, payload, mended, mend FROM main.dead_letters;
CREATE TEMP VIEW dead_letters AS
  SELECT id, pipeline, sink, event_id, stage, stream, "offset", version, key, reason, at,
    attempts, seen, first_at, resent, run, state, state = 'rebuilding' AS rebuilding,
    iif(state IN ('open', 'sent', 'rebuilding'), '', state) AS outcome, '' AS dismissal
    FROM main.dead_letters;
)sql";
constexpr const char* kReadFormat3 = R"sql(
CREATE TEMP VIEW dead_letters AS SELECT *, '' AS dismissal FROM main.dead_letters;
)sql";
constexpr const char* kDropOld = "DROP TABLE old_letters";
constexpr const char* kSetFormat = "UPDATE format SET version = 4";

Result<std::int64_t> FormatOf(Sqlite& db) {
  MR_TRY(auto statement, db.Prepare("SELECT version FROM format"));
  MR_TRY(const bool found, statement.Step());
  if (!found) return Fail(ErrorCode::kDataLoss, "pipelines.db says no format");
  return statement.Int(0);
}

Error OtherFormat(std::int64_t format) {
  return Error(ErrorCode::kConflict,
               "pipelines.db has format " + std::to_string(format) +
                   (format < kFormat ? "; start the server once, which brings it to "
                                     : "; this program reads up to ") +
                   std::to_string(kFormat));
}

}  // namespace

Status PrepareStateDb(Sqlite& db) {
  SqliteTransaction transaction(db);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(db.Run(kSchema));
  MR_TRY(const auto format, FormatOf(db));
  if (format > kFormat) return Fail(OtherFormat(format));
  const bool old = format < 3;
  if (old) MR_CHECK_OK(db.Run(kSetOldAside));
  MR_CHECK_OK(db.Run(kLetters));
  if (old) MR_CHECK_OK(db.Run(format == 1 ? kFromFormat1 : kFromFormat2));
  if (old) MR_CHECK_OK(db.Run(kDropOld));
  if (format == 3) MR_CHECK_OK(db.Run(kFromFormat3));
  if (format < kFormat) MR_CHECK_OK(db.Run(kSetFormat));
  return transaction.Commit();
}

Status ReadStateDb(Sqlite& db) {
  MR_TRY(const auto format, FormatOf(db));
  if (format == kFormat) return {};
  if (format == 2) return db.Run(kReadFormat2);
  if (format == 3) return db.Run(kReadFormat3);
  return Fail(OtherFormat(format));
}

}  // namespace millrace::pipeline
