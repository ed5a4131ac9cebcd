// The limit of durable creates: a loop that group-commits the rows of an existing
// records.db into a new file with the same tables, keys and pragmas, and nothing else.
//   bare_sqlite OURS.db NEW.db COLLECTION GROUP [MOST]
// Checks at the end that both hold the same documents. Prints one line of JSON.
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct Row {
  char *key, *document;
  int key_size, document_size;
  sqlite3_int64 epoch, position;
};

struct Rows {
  struct Row* rows;
  size_t count;
  char name[128];
};

static void Die(sqlite3* db, const char* what) {
  fprintf(stderr, "bare_sqlite: %s: %s\n", what, db != NULL ? sqlite3_errmsg(db) : "");
  exit(1);
}

static double Seconds(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static sqlite3* Open(const char* path, int flags) {
  sqlite3* db = NULL;
  if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    Die(db, path);
  }
  return db;
}

static void Exec(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) Die(db, sql);
}

static sqlite3_stmt* Prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = NULL;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
      SQLITE_OK) {
    Die(db, sql);
  }
  return statement;
}

static void Step(sqlite3* db, sqlite3_stmt* statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) Die(db, sqlite3_sql(statement));
  sqlite3_reset(statement);
}

static char* Copy(sqlite3_stmt* statement, int column, int* size) {
  *size = sqlite3_column_bytes(statement, column);
  char* copy = malloc((size_t)*size + 1);
  memcpy(copy, sqlite3_column_text(statement, column), (size_t)*size + 1);
  return copy;
}

static void Load(sqlite3* from, struct Rows* rows, long most) {
  char sql[512];
  snprintf(sql, sizeof sql,
           "SELECT key, document, epoch, position FROM r_%s ORDER BY position LIMIT %ld",
           rows->name, most);
  sqlite3_stmt* select = Prepare(from, sql);
  size_t room = 0;
  while (sqlite3_step(select) == SQLITE_ROW) {
    if (rows->count == room) {
      room = room * 2 + 1024;
      rows->rows = realloc(rows->rows, room * sizeof(struct Row));
    }
    struct Row* row = &rows->rows[rows->count++];
    row->key = Copy(select, 0, &row->key_size);
    row->document = Copy(select, 1, &row->document_size);
    row->epoch = sqlite3_column_int64(select, 2);
    row->position = sqlite3_column_int64(select, 3);
  }
  sqlite3_finalize(select);
}

/// The same tables and indexes, and the rows that are there before the first create.
static void MakeTables(sqlite3* from, sqlite3* to) {
  sqlite3_stmt* select =
      Prepare(from,
              "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE "
              "'sqlite_%' ORDER BY type = 'index'");
  while (sqlite3_step(select) == SQLITE_ROW) {
    const char* sql = (const char*)sqlite3_column_text(select, 0);
    // An index over a function of the store's own cannot be had here.
    if (sqlite3_exec(to, sql, NULL, NULL, NULL) != SQLITE_OK) {
      fprintf(stderr, "bare_sqlite: left out: %s\n", sql);
    }
  }
  sqlite3_finalize(select);
  Exec(to, "INSERT INTO store VALUES(1,'records',0,1,0,0,0)");
}

static void Text(sqlite3_stmt* statement, int at, const char* text, int size) {
  sqlite3_bind_text(statement, at, text, size, SQLITE_STATIC);
}

struct Statements {
  sqlite3_stmt *begin, *commit, *record, *change, *sums, *state;
};

static struct Statements PrepareAll(sqlite3* db, const char* name) {
  char record[512], sums[512];
  snprintf(record, sizeof record,
           "INSERT INTO r_%s(tenant,key,epoch,position,document) VALUES('',?1,?2,?3,?4)",
           name);
  snprintf(sums, sizeof sums, "INSERT INTO collections VALUES('%s',0,0,0)", name);
  Exec(db, sums);
  snprintf(sums, sizeof sums, "UPDATE collections SET changes=?1,hash=?1 WHERE name='%s'",
           name);
  const struct Statements out = {
      Prepare(db, "BEGIN IMMEDIATE"),
      Prepare(db, "COMMIT"),
      Prepare(db, record),
      Prepare(db,
              "INSERT INTO changes(seq,collection,tenant,key,operation,epoch,"
              "committed_at,before,after) VALUES(?1,?2,'',?3,0,0,?4,NULL,?5)"),
      Prepare(db, sums),
      Prepare(db, "UPDATE store SET next_seq=?1,time_floor=?1 WHERE id=1")};
  return out;
}

static void Insert(sqlite3* db, const struct Statements* use, const struct Rows* rows,
                   const struct Row* row) {
  Text(use->record, 1, row->key, row->key_size);
  sqlite3_bind_int64(use->record, 2, row->epoch);
  sqlite3_bind_int64(use->record, 3, row->position);
  Text(use->record, 4, row->document, row->document_size);
  Step(db, use->record);
  sqlite3_bind_int64(use->change, 1, row->position);
  Text(use->change, 2, rows->name, -1);
  Text(use->change, 3, row->key, row->key_size);
  sqlite3_bind_int64(use->change, 4, 1763689000000000);
  Text(use->change, 5, row->document, row->document_size);
  Step(db, use->change);
}

static void Commit(sqlite3* db, const struct Statements* use, sqlite3_int64 position) {
  sqlite3_bind_int64(use->sums, 1, position);
  Step(db, use->sums);
  sqlite3_bind_int64(use->state, 1, position);
  Step(db, use->state);
  Step(db, use->commit);
}

/// The mean group need not be a whole number.
static size_t Run(sqlite3* db, const struct Rows* rows, double group) {
  const struct Statements use = PrepareAll(db, rows->name);
  size_t groups = 0;
  for (size_t at = 0; at < rows->count;) {
    const double upto = (double)++groups * group;
    Step(db, use.begin);
    do {
      Insert(db, &use, rows, &rows->rows[at++]);
    } while (at < rows->count && (double)at < upto);
    Commit(db, &use, rows->rows[at - 1].position);
  }
  return groups;
}

static void Check(sqlite3* db, const struct Rows* rows) {
  char sql[512];
  snprintf(sql, sizeof sql, "SELECT document FROM r_%s ORDER BY position", rows->name);
  sqlite3_stmt* select = Prepare(db, sql);
  size_t at = 0;
  while (sqlite3_step(select) == SQLITE_ROW) {
    if (at >= rows->count || strcmp((const char*)sqlite3_column_text(select, 0),
                                    rows->rows[at].document) != 0) {
      Die(NULL, "the documents differ");
    }
    ++at;
  }
  if (at != rows->count) Die(NULL, "rows are missing");
}

int main(int argc, char** argv) {
  if (argc < 5) Die(NULL, "usage: bare_sqlite OURS.db NEW.db COLLECTION GROUP [MOST]");
  struct Rows rows = {0};
  snprintf(rows.name, sizeof rows.name, "%s", argv[3]);
  sqlite3* from = Open(argv[1], SQLITE_OPEN_READONLY);
  sqlite3* to = Open(argv[2], SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  Load(from, &rows, argc > 5 ? atol(argv[5]) : -1);
  // Ours leaves the log to a thread that begins at 2,000 pages.
  Exec(to,
       "PRAGMA cache_size=-12288; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
       "PRAGMA wal_autocheckpoint=2000; PRAGMA temp_store=MEMORY");
  MakeTables(from, to);
  const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double begin = Seconds(CLOCK_MONOTONIC);
  const size_t groups = Run(to, &rows, atof(argv[4]));
  const double seconds = Seconds(CLOCK_MONOTONIC) - begin;
  const double used = Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  Check(to, &rows);
  printf(
      "{\"rows\":%zu,\"groups\":%zu,\"seconds\":%.6f,\"rows_per_s\":%.1f,"
      "\"cpu_us\":%.3f}\n",
      rows.count, groups, seconds, (double)rows.count / seconds,
      used * 1e6 / (double)rows.count);
  return 0;
}
