#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/given.hpp"
#include "project/door.hpp"
#include "query/access.hpp"
#include "schema/collection.hpp"

namespace millrace::project {

/// A place in a project file: 1-based; columns count bytes. `file` is relative to the
/// project directory ("pipelines/orders_now.yaml"). Line 0: the file or folder as a
/// whole.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

/// Something a project file says that cannot be used: what was expected, what stood
/// there, a near miss where there is one.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;
};
/// "collections/orders.yaml:3:12: unknown key …"; without ":0:0" for whole files.
std::string Format(const Problem& problem);

/// SQL out of a project file. YAML has removed its indentation; At() finds the way back.
struct SqlText {
  std::string text;
  Place start;         ///< of the first byte of `text` in the file
  int indent = 0;      ///< bytes before each further line of it in the file
  bool exact = false;  ///< false (folded or escaped text): At() answers `start`
  /// Where byte `offset` of `text` stands in the file.
  Place At(std::size_t offset) const;
};

/// Facts that are appended and never changed, straight into the log. To pipelines it is a
/// collection of the same name whose every change is an insert: its key is `event_id`,
/// its documents have no `_created_at` and `_updated_at`.
struct Stream {
  schema::Collection events;
  bool raw = false;  ///< any bytes: `payload`, or `payload_bytes` where not UTF-8
  /// A repeated event id is recognised for this long, among the last `dedup_ids`.
  std::int64_t dedup_window_ms = 600'000;
  std::uint64_t dedup_ids = 1'000'000;
  /// Written by this program alone, and declared by no file: the audit log.
  bool built_in = false;
};

enum class OnDelete : std::uint8_t {
  kDelete,  ///< the row goes
  kMark,    ///< the row stays, marked as deleted
  kIgnore,  ///< the row stays as it was
};

/// Keyed state of another collection that the SQL may join by equality on `on`. Checked:
/// the left columns are exactly the lookup collection's key or one of its unique sets,
/// each of the same type as the change's column beside it.
struct Lookup {
  std::string name;        ///< as the SQL calls it
  std::string collection;  ///< whose changes it is built from
  std::vector<std::pair<std::string, std::string>> on;  ///< lookup column, change column
  bool as_of_now = false;  ///< false: as of the change's own commit
  std::int64_t lookup_wait_ms = 10'000;
  Place place;
};

struct PlacedName {
  std::string text;
  Place place;
};

/// What a column of a table must be; a row that is not becomes a dead letter of the sink.
struct SinkColumn {
  std::string name;                  ///< of an output column (checked with the SQL)
  std::optional<schema::Type> type;  ///< values are cast to it
  std::string type_text;             ///< as written: "varchar(50)"
  std::optional<std::uint32_t> max_length;  ///< in characters, of `varchar(n)`
  bool not_null = false;
  Place place;
};

/// A table of the warehouse with one row a key: newest version wins.
struct TableSink {
  std::string name;
  std::string
      key;  ///< the output column that is the collection's key (checked with the SQL)
  OnDelete on_delete = OnDelete::kDelete;
  std::vector<SinkColumn> columns;      ///< those that have rules
  std::vector<PlacedName> insert_only;  ///< keep the value of the record's first version
  std::vector<std::vector<PlacedName>> indexes;  ///< for servers; recorded elsewhere
};

/// A directory of Parquet files, one row a change.
struct LakeSink {
  std::string path;                  ///< relative, '/' between segments, none at the end
  std::string compression = "zstd";  ///< zstd, snappy or none
  std::uint64_t roll_rows = 1'000'000;
  std::int64_t roll_every_ms = 60'000;
  std::uint64_t roll_bytes = 128ULL << 20U;
  bool offset_column = true;  ///< files end in `_offset`
};

/// What is wrong with a lake path (no slash at its end), or empty.
std::string_view WrongWithLakePath(std::string_view path);
/// What the sink of a lake path is called.
std::string LakeSinkName(std::string_view path);

struct Sink {
  /// "table.orders", "lake.orders_history" ('/' as '_'): unique in the project ignoring
  /// case; stands in status, dead letters and SQL.
  std::string name;
  std::variant<TableSink, LakeSink> target;
  /// Who may read its rows: checked with the SQL. Empty: nobody in a closed project.
  SqlText list_rule;
  Place place;
};

/// What becomes of a change whose collection has lost or retyped a field that the
/// pipeline was built with.
enum class OnRemovedField : std::uint8_t { kDeadLetter, kStop };

/// What becomes of later changes of a record while one of its changes is a dead letter.
enum class OnError : std::uint8_t {
  kGoOn,     ///< they are processed
  kParkKey,  ///< they wait as letters of stage "parked", in order
};

enum class Start : std::uint8_t {
  kEarliest,  ///< with the oldest event that the log holds
  kLatest,    ///< with what comes after the first start
  kSnapshot,  ///< with the records that there are at the first start, then the changes
};

struct Pipeline {
  std::string name;
  std::string collection;  ///< a collection or a stream of the project
  /// Not empty: the raw stream `stream` is read, whose payloads are changes of
  /// `collection` in the form of this codec (unchecked here).
  std::string codec, stream;
  bool of_stream = false;  ///< `from: {stream: …}`: events that no record store has
  Start start = Start::kEarliest;
  std::uint32_t max_rows = 5000;
  std::uint64_t max_bytes = 16u << 20u;
  std::int64_t max_wait_ms = 50;
  std::vector<Lookup> lookups;
  std::vector<SqlText> require;
  SqlText sql;              ///< not empty; otherwise unchecked here
  std::vector<Sink> sinks;  ///< at least one
  OnRemovedField on_removed_field = OnRemovedField::kDeadLetter;
  OnError on_error = OnError::kGoOn;
  std::uint64_t max_parked = 10'000;  ///< letters of a sink; beyond it the sink stops
  /// A sink stops when more of the events [n * 1000, (n + 1) * 1000) of its stream die
  /// than this; nullopt: never.
  std::optional<std::uint32_t> max_dead_of_1000;
  Place place;
};

/// Whose form users and logins have.
enum class AuthStyle : std::uint8_t {
  kNone,  ///< our own, or nobody's where access is open
  /// As the NestJS gateway of R0: its routes alone, its messages, its users.
  kR0,
};

/// A project directory, read and checked as far as it can be without an SQL engine.
struct Project {
  std::string name;
  bool open_access = false;  ///< `access: open`: no users, and only loopback may be bound
  AuthStyle auth_style = AuthStyle::kNone;  ///< `auth:`
  /// Neither: users sign in, access rules decide, and `users` is a built-in collection
  /// (users.hpp).
  bool closed() const { return !open_access && auth_style == AuthStyle::kNone; }
  /// `environment: r0`, always so with that style: the variables of R0 stand for
  /// settings.
  bool r0_environment = false;
  Door door;
  /// `audit:`, the stream that says who did what (audit.hpp), among `streams`; empty:
  /// none.
  std::string audit;
  config::GivenMap
      settings;  ///< `settings:` of millrace.yaml, "http.port" → text; unchecked
  std::map<std::string, schema::Collection, std::less<>> collections;
  /// `rules:` and `tenant:`, an entry for each collection and stream. Not asked where
  /// `open_access`.
  std::map<std::string, query::Access, std::less<>> access;
  /// No name is a collection's, ignoring case: both are streams of the log.
  std::map<std::string, Stream, std::less<>> streams;
  std::vector<Pipeline> pipelines;  ///< in the order of their names
  std::filesystem::path directory;
};

/// Everything that a pipeline may read: collections, and the events of streams.
std::map<std::string, schema::Collection, std::less<>> Readable(const Project& project);

/// Reads millrace.yaml, collections/*.yaml, streams/*.yaml and pipelines/*.yaml below
/// `directory`. Either
/// a whole project, or every problem found (at least one), in the order of files and
/// lines. Nothing is written. Blocks on the disk; any thread.
std::expected<Project, std::vector<Problem>> Load(const std::filesystem::path& directory);

/// The `settings:` of millrace.yaml as far as they can be read, whatever is wrong with
/// the rest of the project: so that `check` can name the problems of both.
config::GivenMap LoadSettingsOnly(const std::filesystem::path& directory);

}  // namespace millrace::project
