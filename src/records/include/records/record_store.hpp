#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "query/match.hpp"
#include "query/query.hpp"
#include "records/change_feed.hpp"
#include "schema/collection.hpp"
#include "schema/record_codec.hpp"

namespace millrace::records {

/// kNotFound, in the words of every adapter: what hides a record says the same.
Error NoRecord(std::string_view collection, std::string_view key);

/// One record's part of a request. What is in `body` says what is to be done.
struct Delete {};
struct WriteOp {
  std::string key;  ///< text form; empty for a create that generates its key
  /// Draft with operation kInsert or kReplace; Patch; Delete.
  std::variant<schema::Draft, schema::Patch, Delete> body;
  Operation operation = Operation::kInsert;
  /// If-Match: 32 hex digits of the version, or "*" (any existing).
  std::optional<std::string> if_match;
};

/// What a write left behind.
struct Written {
  std::string key;
  Version version;
  std::string document;  ///< canonical, with system fields; the last state for a delete
};

/// An answer as it is kept under an idempotency key: the same bytes for each repetition.
struct Answer {
  int status = 0;
  std::string etag;      ///< empty: none
  std::string location;  ///< empty: none
  std::string body;
};

struct Idempotency {
  std::string key;             ///< as sent, unquoted, 1..255 characters
  std::string scope;           ///< method and path: the same key elsewhere is another one
  std::uint64_t request_hash;  ///< of the body
};

/// What access rules ask of the records of a write, within its transaction.
struct WriteGuard {
  /// Of the stored record: one that does not match is as if it were not there.
  std::optional<query::Matcher> stored = {};
  /// Of what a create, replace or patch leaves: kPermissionDenied where it does not
  /// match.
  std::optional<query::Matcher> written = {};
};

/// All ops or none. `render` makes the answer from what was written or from the error;
/// it runs on the writer's thread before the commit, must be fast and must not call the
/// store. `done` is called exactly once, on the writer's thread, after the commit is
/// durable (or nothing was written); `replayed` says the answer came from an earlier
/// request with this idempotency key.
struct WriteRequest {
  std::string tenant;
  std::string collection;
  std::vector<WriteOp> ops;
  WriteGuard guard = {};
  std::optional<Idempotency> idempotency;
  std::function<Answer(const Result<std::vector<Written>>&)> render;
  std::function<void(Answer, bool replayed)> done;
};

struct Stored {
  std::string document;
  Version version;
};

/// A record as Scan sees it; views hold during the call.
struct ScannedRecord {
  std::string_view key;  ///< text form
  Version version;       ///< of its last change
  std::string_view document;
  Position upto;  ///< as Scan gives in the end
  std::string_view tenant = {};
};
using ScanEach = std::function<bool(const ScannedRecord&)>;

struct Page {
  std::vector<std::string> documents;
  std::optional<std::string> next_cursor;
};

/// Which state of a record there is.
struct KeyVersion {
  std::string key;  ///< text form
  Version version;
};

/// Count and additive hash of all changes a collection ever committed, kept in the
/// commit's own transaction. See change/sums.hpp for the hash.
struct HistorySum {
  std::string collection;
  std::uint64_t changes = 0;
  std::uint64_t hash = 0;
};

/// How finely HistorySum is kept by commit time: a minute.
inline constexpr TimestampUs kSumSliceUs = 60'000'000;

/// What a collection had committed when its first commit of a minute began: between two
/// marks lie the changes of a time. Kept in that commit's transaction.
struct SumMark {
  TimestampUs begin = 0;  ///< of the minute
  std::uint64_t changes = 0;
  std::uint64_t hash = 0;
  std::uint64_t position = 0;  ///< last change, of any collection, before it
};

/// Typed records by key, each write with its change row in one transaction.
/// Adapters: records/embedded (SQLite). Any thread may call any method; Submit never
/// blocks on the disk, all others may.
class RecordStore {
 public:
  virtual ~RecordStore() = default;

  /// Queues the request; one writer groups commits. Errors given to `render`:
  /// kNotFound (no such record), kPermissionDenied (the guard), kConflict (key exists, or
  /// a unique index; FieldError names the fields), kPreconditionFailed (if_match),
  /// kUnprocessable (idempotency key with another request), kInvalidArgument (patch leads
  /// to an invalid record), kResourceExhausted (disk full, nothing written; or the queue
  /// is over its bound), kUnavailable (stopped after an I/O error: nothing is
  /// acknowledged any more).
  virtual void Submit(WriteRequest request) = 0;
  /// kNotFound. Sees every acknowledged write.
  virtual Result<Stored> Get(const std::string& tenant, const std::string& collection,
                             const std::string& key) = 0;
  /// One page of the query; ends early when its documents become many megabytes. Bounded
  /// by the deadline. Errors: kNotFound (no such collection), kInvalidArgument (the
  /// query's cursor), kDeadlineExceeded, kUnavailable.
  virtual Result<Page> List(const std::string& tenant, const std::string& collection,
                            const query::Query& query, Deadline deadline) = 0;
  /// Records of the query (its filters and what is visible; no order, limit or cursor)
  /// with a version past `after` and up to `upto`, the oldest version first, `max` at
  /// most: who has read them and what the log holds past `upto` has the collection.
  /// Looks at every record each time. Errors: kNotFound (no such collection),
  /// kDeadlineExceeded, kUnavailable.
  virtual Result<std::vector<KeyVersion>> ListVersions(
      const std::string& tenant, const std::string& collection, const query::Query& query,
      Version after, Version upto, std::uint32_t max, Deadline deadline) = 0;
  /// Calls `each` for every record of the collection in key order from one snapshot;
  /// stops early when it returns false. Gives the position of the last commit that the
  /// snapshot has, of any collection: all changes up to it are in, none past it. Writers
  /// go on, but the store's write-ahead log grows until this returns. kNotFound: no such
  /// collection.
  virtual Result<Position> Scan(const std::string& collection, const ScanEach& each) = 0;
  /// One entry for each collection, as of the last commit.
  virtual Result<std::vector<HistorySum>> Sums() = 0;
};

}  // namespace millrace::records
