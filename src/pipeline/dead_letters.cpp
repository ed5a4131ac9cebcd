#include "pipeline/dead_letters.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "state_impl.hpp"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kStates[] = {"open",       "sent",    "rebuilding", "applied",
                                        "superseded", "rebuilt", "dismissed"};
constexpr std::string_view kWaiting = "outcome = ''";

/// What is in memory at once; an event may have megabytes.
constexpr std::size_t kBytesAtOnce = 8u << 20u;

/// What ReadLetter reads, in its order.
constexpr std::string_view kColumns =
    "pipeline, sink, stream, \"offset\", event_id, version, key, stage, reason, payload, "
    "at, attempts, id, state, seen, mended, mend, first_at, resent, run, dismissal";
/// With letters of `from`.
std::string SelectLetters(std::string_view from = "dead_letters") {
  return "SELECT " + std::string(kColumns) + " FROM " + std::string(from) +
         " JOIN letter_events ON letter = id ";
}

LetterState StateOf(std::string_view name) {
  const auto found = std::ranges::find(kStates, name);
  return static_cast<LetterState>(found - std::begin(kStates));
}

DeadLetter ReadLetter(SqliteStatement& row) {
  const auto text = [&row](int column) { return std::string(row.Text(column)); };
  DeadLetter letter;
  letter.pipeline = text(0);
  letter.sink = text(1);
  letter.stream = text(2);
  letter.offset = Unsigned(row.Int(3));
  letter.event_id = text(4);
  letter.version = text(5);
  letter.key = text(6);
  letter.stage = text(7);
  letter.reason = text(8);
  letter.payload = text(9);
  letter.at = row.Int(10);
  letter.attempts = Unsigned(row.Int(11));
  letter.id = row.Int(12);
  letter.state = StateOf(row.Text(13));
  letter.seen = text(14);
  letter.mended = text(15);
  letter.mend = text(16);
  letter.first_at = row.Int(17);
  if (!row.IsNull(18)) letter.resent = Unsigned(row.Int(18));
  letter.run = Unsigned(row.Int(19));
  letter.dismissal = text(20);
  return letter;
}

std::size_t BytesOf(const DeadLetter& letter) {
  return letter.payload.size() + letter.mended.size() + letter.mend.size() +
         letter.reason.size();
}

std::string Only(DeadLetters::Which which) {
  return which == DeadLetters::Which::kAll ? "" : " AND outcome = 'dismissed'";
}

/// A filter as a condition with parameters 1 to 6.
class Condition {
 public:
  static Result<Condition> Of(const LetterFilter& filter) {
    Condition condition(filter);
    if (filter.state.empty()) {
      condition.states_ = kWaiting;
    } else if (filter.state != "all") {
      if (!IsLetterState(filter.state)) {
        return Fail(ErrorCode::kInvalidArgument,
                    "state \"" + filter.state +
                        "\": expected all, open, sent, rebuilding, applied, superseded, "
                        "rebuilt or dismissed");
      }
      condition.states_ = "state = '" + filter.state + "'";
    }
    if (filter.mended) {
      condition.states_ +=
          " AND (SELECT mended FROM letter_events WHERE letter = id) <> ''";
    }
    return condition;
  }
  std::string text() const {
    return "(?1 = '' OR pipeline = ?1) AND (?2 = '' OR sink = ?2) AND "
           "(?3 = '' OR stage = ?3) AND (?4 = '' OR key = ?4) AND "
           "(?5 = '' OR id IN (SELECT value FROM json_each(?5))) AND "
           "(?6 < 0 OR run = ?6) AND " +
           states_;
  }
  void Bind(SqliteStatement& statement) const {
    statement.Bind(1, filter_.pipeline).Bind(2, filter_.sink).Bind(3, filter_.stage);
    statement.Bind(4, filter_.key).Bind(5, ids_);
    statement.Bind(6, filter_.run ? Signed(*filter_.run) : -1);
  }

 private:
  explicit Condition(const LetterFilter& filter)
      : filter_(filter), ids_(filter.ids.empty() ? "" : JsonArray(filter.ids)) {}
  const LetterFilter& filter_;
  std::string ids_;
  std::string states_ = "true";
};

}  // namespace

std::string JsonArray(const std::vector<std::int64_t>& numbers) {
  std::string out = "[";
  for (const std::int64_t number : numbers) {
    if (out.size() > 1) out += ',';
    AppendInt(out, number);
  }
  return out + "]";
}

std::string_view NameOf(LetterState state) {
  return kStates[static_cast<std::size_t>(state)];
}

bool IsLetterState(std::string_view name) {
  return std::ranges::find(kStates, name) != std::end(kStates);
}

Result<std::uint64_t> DeadLetters::Put(const std::vector<DeadLetter>& letters) {
  // A sent or resolved letter comes here when its sink reads a batch again.
  return Upsert(letters, "WHERE state IN ('open', 'rebuilding', 'rebuilt')");
}

Result<std::uint64_t> DeadLetters::Upsert(const std::vector<DeadLetter>& letters,
                                          std::string_view conflict) {
  if (letters.empty()) return 0;
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto put,
         impl_.db.Prepare(
             "INSERT INTO dead_letters (pipeline, sink, event_id, stage, stream, "
             "\"offset\", version, key, reason, at, attempts, seen, first_at) "
             "VALUES (?,?,?,?,?,?,?,?,?,?10,1,?11,?10) "
             "ON CONFLICT (pipeline, sink, event_id) DO UPDATE SET "
             "stage = excluded.stage, reason = excluded.reason, "
             "stream = excluded.stream, \"offset\" = excluded.\"offset\", "
             "seen = excluded.seen, at = excluded.at, attempts = attempts + 1, "
             "rebuilding = 0, outcome = '' " +
             std::string(conflict) + " RETURNING attempts, id"));
  MR_TRY(auto put_event,
         impl_.db.Prepare("INSERT INTO letter_events (letter, payload) VALUES (?, ?) "
                          "ON CONFLICT DO UPDATE SET payload = excluded.payload"));
  std::uint64_t added = 0;
  for (const DeadLetter& letter : letters) {
    put.Bind(1, letter.pipeline).Bind(2, letter.sink).Bind(3, letter.event_id);
    put.Bind(4, letter.stage).Bind(5, letter.stream).Bind(6, Signed(letter.offset));
    put.Bind(7, letter.version).Bind(8, letter.key).Bind(9, letter.reason);
    put.Bind(10, letter.at).Bind(11, letter.seen);
    MR_TRY(const bool row, put.Step());
    if (!row) continue;
    added += put.Int(0) == 1 ? 1 : 0;
    put_event.Bind(1, put.Int(1)).Bind(2, letter.payload);
    MR_CHECK_OK(put.Finish());
    MR_CHECK_OK(put_event.Finish());
  }
  MR_CHECK_OK(transaction.Commit());
  return added;
}

Result<DeadLetterPage> DeadLetters::List(const DeadLetterFilter& filter) {
  if (filter.limit < 1 || filter.limit > 10'000) {
    return Fail(ErrorCode::kInvalidArgument, "limit must be from 1 to 10000");
  }
  std::int64_t skip = 0;
  if (!filter.cursor.empty()) {
    MR_TRY(const auto decoded, ParseHex(filter.cursor));
    skip = Signed(decoded);
  }
  MR_TRY(const auto condition, Condition::Of(filter));
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select, impl_.db.Prepare(SelectLetters() + "WHERE " + condition.text() +
                                       " AND id > ?7 ORDER BY id LIMIT ?8"));
  condition.Bind(select);
  select.Bind(7, skip).Bind(8, std::int64_t{filter.limit} + 1);
  DeadLetterPage page;
  std::size_t bytes = 0;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return page;
    if (page.letters.size() == filter.limit || bytes >= kBytesAtOnce) {
      AppendHex(page.next_cursor, Unsigned(page.letters.back().id), 16);
      return page;
    }
    page.letters.push_back(ReadLetter(select));
    bytes += BytesOf(page.letters.back());
  }
}

Result<std::uint64_t> DeadLetters::Impl::CountLocked(std::string_view pipeline,
                                                     std::string_view sink) {
  MR_TRY(auto statement,
         db.Prepare("SELECT count(*) FROM dead_letters WHERE pipeline = ? AND sink = ? "
                    "AND " +
                    std::string(kWaiting)));
  statement.Bind(1, pipeline).Bind(2, sink);
  MR_TRY(const bool found, statement.Step());
  return found ? Unsigned(statement.Int(0)) : 0;
}

Result<std::uint64_t> DeadLetters::Count(std::string_view pipeline,
                                         std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  return impl_.CountLocked(pipeline, sink);
}

Result<std::uint64_t> DeadLetters::CountStage(std::string_view pipeline,
                                              std::string_view sink,
                                              std::string_view stage) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT count(*) FROM dead_letters WHERE pipeline = ? AND "
                          "sink = ? AND stage = ? AND " +
                          std::string(kWaiting)));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, stage);
  MR_TRY(const bool found, select.Step());
  return found ? Unsigned(select.Int(0)) : 0;
}

Result<std::uint64_t> DeadLetters::CountBetween(std::string_view pipeline,
                                                std::string_view sink,
                                                std::string_view stream, Offset from,
                                                Offset to) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT count(*) FROM dead_letters WHERE pipeline = ? AND "
                          "sink = ? AND \"offset\" >= ? AND \"offset\" < ? AND "
                          "stage <> 'parked' AND stream = ?"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, Signed(from)).Bind(4, Signed(to));
  select.Bind(5, stream);
  MR_TRY(const bool found, select.Step());
  return found ? Unsigned(select.Int(0)) : 0;
}

Result<Offset> DeadLetters::LettersEnd(std::string_view pipeline, std::string_view sink,
                                       std::string_view stream, Which which) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT coalesce(max(\"offset\") + 1, 0) FROM dead_letters "
                          "WHERE pipeline = ? AND sink = ? AND stream = ?" +
                          Only(which)));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, stream);
  MR_TRY(const bool found, select.Step());
  return found ? Unsigned(select.Int(0)) : 0;
}

Result<std::vector<DeadLetter>> DeadLetters::Between(std::string_view pipeline,
                                                     std::string_view sink,
                                                     std::string_view stream, Offset from,
                                                     Offset to, Which which) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT id, \"offset\", state FROM dead_letters WHERE "
                          "pipeline = ? AND sink = ? AND stream = ? AND "
                          "\"offset\" >= ? AND \"offset\" < ?" +
                          Only(which)));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, stream);
  select.Bind(4, Signed(from)).Bind(5, Signed(to));
  std::vector<DeadLetter> letters;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return letters;
    DeadLetter& letter = letters.emplace_back();
    letter.id = select.Int(0);
    letter.offset = Unsigned(select.Int(1));
    letter.state = StateOf(select.Text(2));
  }
}

Result<std::optional<TimestampUs>> DeadLetters::Oldest(std::string_view pipeline,
                                                       std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  // Ids are in the order of first attempts. Reads the waiting ones in an index.
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT first_at FROM dead_letters WHERE id = (SELECT min(id) "
                          "FROM dead_letters WHERE pipeline = ? AND sink = ? AND " +
                          std::string(kWaiting) + ")"));
  select.Bind(1, pipeline).Bind(2, sink);
  MR_TRY(const bool found, select.Step());
  if (!found) return std::nullopt;
  return select.Int(0);
}

Result<std::optional<Version>> DeadLetters::LowestSeen(std::string_view pipeline,
                                                       std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  // One look into the index.
  MR_TRY(auto select, impl_.db.Prepare("SELECT min(seen) FROM dead_letters WHERE "
                                       "pipeline = ? AND sink = ? AND seen > '' AND " +
                                       std::string(kWaiting)));
  select.Bind(1, pipeline).Bind(2, sink);
  MR_TRY(const bool found, select.Step());
  if (!found || select.IsNull(0)) return std::nullopt;
  MR_TRY(const auto seen, Version::Parse(select.Text(0)));
  return seen;
}

Status DeadLetters::Impl::CheckThereLocked(const std::vector<std::int64_t>& ids) {
  MR_TRY(auto select, db.Prepare("SELECT value FROM json_each(?) WHERE value NOT IN "
                                 "(SELECT id FROM dead_letters) LIMIT 1"));
  const std::string chosen = JsonArray(ids);
  select.Bind(1, chosen);
  MR_TRY(const bool missing, select.Step());
  if (!missing) return {};
  return Fail(ErrorCode::kNotFound,
              "there is no dead letter " + std::to_string(select.Int(0)));
}

Result<std::vector<std::int64_t>> DeadLetters::Open(const LetterFilter& filter) {
  MR_TRY(const auto condition, Condition::Of(filter));
  const std::lock_guard lock(impl_.mutex);
  MR_CHECK_OK(impl_.CheckThereLocked(filter.ids));
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT id FROM dead_letters WHERE " + condition.text() +
                          " AND state = 'open' ORDER BY version, id"));
  condition.Bind(select);
  std::vector<std::int64_t> ids;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return ids;
    ids.push_back(select.Int(0));
  }
}

Result<std::vector<DeadLetter>> DeadLetters::Load(const std::vector<std::int64_t>& ids) {
  const std::lock_guard lock(impl_.mutex);
  // One statement for all of them. CROSS JOIN: in the order of `ids`.
  MR_TRY(auto select,
         impl_.db.Prepare("WITH chosen(one) AS (SELECT value FROM json_each(?)) " +
                          SelectLetters("chosen CROSS JOIN dead_letters ON id = one")));
  const std::string chosen = JsonArray(ids);
  select.Bind(1, chosen);
  std::vector<DeadLetter> letters;
  std::size_t bytes = 0;
  while (bytes < kBytesAtOnce) {
    MR_TRY(const bool more, select.Step());
    if (!more) break;
    letters.push_back(ReadLetter(select));
    bytes += BytesOf(letters.back());
  }
  return letters;
}

Result<std::optional<DeadLetter>> DeadLetters::Of(std::string_view pipeline,
                                                  std::string_view sink,
                                                  std::string_view event_id) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare(SelectLetters() + "WHERE pipeline = ? AND sink = ? AND "
                                            "event_id = ?"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, event_id);
  MR_TRY(const bool found, select.Step());
  if (!found) return std::nullopt;
  return ReadLetter(select);
}

Status DeadLetters::SetMended(const std::vector<Mend>& mends) {
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE letter_events SET mended = ?, mend = ? FROM "
                          "dead_letters WHERE letter = ? AND id = letter "
                          "AND state = 'open'"));
  for (const Mend& mend : mends) {
    update.Bind(1, mend.mended).Bind(2, mend.mend).Bind(3, mend.id);
    MR_CHECK_OK(update.Finish());
  }
  return transaction.Commit();
}

}  // namespace millrace::pipeline
