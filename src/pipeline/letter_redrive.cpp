#include "pipeline/dead_letters.hpp"
#include "state_impl.hpp"

/// The part of DeadLetters that redrives and rebuilds need.
namespace millrace::pipeline {

Result<std::uint64_t> DeadLetters::NextRun() {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT coalesce(max(run), 0) + 1 FROM dead_letters "
                          "WHERE run > 0"));
  MR_TRY(const bool found, select.Step());
  return found ? Unsigned(select.Int(0)) : 1;
}

Status DeadLetters::Claim(const std::vector<std::int64_t>& ids, Offset first,
                          std::uint64_t run) {
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("WITH chosen(place, letter) AS (SELECT key, value FROM "
                          "json_each(?3)) UPDATE dead_letters SET "
                          "resent = ?1 + place, run = ?2 FROM chosen WHERE id = letter"));
  const std::string chosen = JsonArray(ids);
  update.Bind(1, Signed(first)).Bind(2, Signed(run)).Bind(3, chosen);
  MR_CHECK_OK(update.Finish());
  return transaction.Commit();
}

Status DeadLetters::Unclaim(std::string_view pipeline, Offset from, Offset to) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET resent = NULL WHERE "
                          "pipeline = ? AND outcome = '' AND resent >= ? AND "
                          "resent < ?"));
  update.Bind(1, pipeline).Bind(2, Signed(from)).Bind(3, Signed(to));
  return update.Finish();
}

Result<std::vector<std::string>> DeadLetters::SentSinks(std::string_view pipeline) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT DISTINCT sink FROM dead_letters WHERE pipeline = ? AND "
                          "resent IS NOT NULL"));
  select.Bind(1, pipeline);
  std::vector<std::string> sinks;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return sinks;
    sinks.emplace_back(select.Text(0));
  }
}

Result<std::map<Offset, std::int64_t>> DeadLetters::Sent(std::string_view pipeline,
                                                         std::string_view sink,
                                                         Offset from, Offset to) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT resent, id FROM dead_letters WHERE pipeline = ? AND "
                          "sink = ? AND state = 'sent' AND resent >= ? AND resent < ?"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, Signed(from)).Bind(4, Signed(to));
  std::map<Offset, std::int64_t> sent;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return sent;
    sent.emplace(Unsigned(select.Int(0)), select.Int(1));
  }
}

Result<std::vector<DeadLetter>> DeadLetters::SentBelow(std::string_view pipeline,
                                                       std::string_view sink, Offset from,
                                                       Offset below,
                                                       std::uint32_t limit) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT id, key, version FROM dead_letters WHERE pipeline = ? "
                          "AND sink = ? AND state = 'sent' AND resent >= ? AND "
                          "resent < ? LIMIT ?"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, Signed(from)).Bind(4, Signed(below));
  select.Bind(5, std::int64_t{limit});
  std::vector<DeadLetter> letters;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return letters;
    DeadLetter& letter = letters.emplace_back();
    letter.id = select.Int(0);
    letter.key = select.Text(1);
    letter.version = select.Text(2);
  }
}

Status DeadLetters::SetRecords(const std::vector<DeadLetter>& letters) {
  if (letters.empty()) return {};
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET key = ?1, version = ?2 WHERE id = ?3 "
                          "AND (key <> ?1 OR version <> ?2)"));
  for (const DeadLetter& letter : letters) {
    update.Bind(1, letter.key).Bind(2, letter.version).Bind(3, letter.id);
    MR_CHECK_OK(update.Finish());
  }
  return transaction.Commit();
}

Status DeadLetters::Reopen(const std::vector<DeadLetter>& letters) {
  if (letters.empty()) return {};
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET resent = NULL, "
                          "stage = ?, reason = ?, at = ?, attempts = attempts + 1 "
                          "WHERE id = ? AND state = 'sent'"));
  for (const DeadLetter& letter : letters) {
    update.Bind(1, letter.stage).Bind(2, letter.reason).Bind(3, letter.at);
    update.Bind(4, letter.id);
    MR_CHECK_OK(update.Finish());
  }
  return transaction.Commit();
}

Status DeadLetters::Resolve(const std::vector<std::int64_t>& ids, LetterState state) {
  if (ids.empty()) return {};
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = ? WHERE id IN "
                          "(SELECT value FROM json_each(?)) AND state = 'sent'"));
  const std::string chosen = JsonArray(ids);
  update.Bind(1, NameOf(state)).Bind(2, chosen);
  MR_CHECK_OK(update.Finish());
  return transaction.Commit();
}

Result<RedriveCounts> DeadLetters::CountRun(std::uint64_t run) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT state, count(*) FROM dead_letters WHERE run = ? AND "
                          "run > 0 GROUP BY state"));
  select.Bind(1, Signed(run));
  RedriveCounts counts;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return counts;
    const std::string_view state = select.Text(0);
    const std::uint64_t count = Unsigned(select.Int(1));
    if (state == "open") counts.died += count;
    if (state == "sent" || state == "rebuilding") counts.waiting += count;
    if (state == "applied" || state == "rebuilt") counts.applied += count;
    if (state == "superseded") counts.superseded += count;
  }
}

Status DeadLetters::BeginRebuild(std::string_view pipeline, std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update, impl_.db.Prepare("UPDATE dead_letters SET rebuilding = 1, "
                                       "outcome = '' WHERE pipeline = ? AND sink = ?"));
  update.Bind(1, pipeline).Bind(2, sink);
  return update.Finish();
}

Result<std::optional<Offset>> DeadLetters::RebuildEnd(std::string_view pipeline,
                                                      std::string_view sink,
                                                      std::string_view stream) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT max(iif(stream = ?3, \"offset\" + 1, 0)) FROM "
                          "dead_letters WHERE pipeline = ?1 AND sink = ?2 AND "
                          "rebuilding = 1 AND outcome = ''"));
  select.Bind(1, pipeline).Bind(2, sink).Bind(3, stream);
  MR_TRY(const bool found, select.Step());
  if (!found || select.IsNull(0)) return std::nullopt;
  return Unsigned(select.Int(0));
}

Status DeadLetters::Resend(std::string_view pipeline, std::string_view sink, Offset from,
                           const std::optional<Version>& above) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = '' WHERE pipeline = ? AND "
                          "sink = ? AND resent >= ? AND outcome IN ('applied', "
                          "'superseded') AND version >= ?"));
  const std::string version = above ? above->ToHex() : std::string();
  update.Bind(1, pipeline).Bind(2, sink).Bind(3, Signed(from)).Bind(4, version);
  return update.Finish();
}

Status DeadLetters::Adopt(std::string_view pipeline, std::string_view sink,
                          DeadLetters& of_other) {
  DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.limit = 1'000;
  filter.state = "all";
  while (true) {
    MR_TRY(const auto page, of_other.List(filter));
    MR_CHECK_OK(Upsert(page.letters, "WHERE true"));
    filter.cursor = page.next_cursor;
    if (filter.cursor.empty()) return {};
  }
}

Status DeadLetters::CloseOthers(std::string_view pipeline, std::string_view sink,
                                DeadLetters& of_other) {
  DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.limit = 1'000;
  filter.state = "open";
  std::vector<std::int64_t> through;
  while (true) {
    MR_TRY(const auto page, List(filter));
    for (const DeadLetter& letter : page.letters) {
      MR_TRY(const auto other, of_other.Of(pipeline, sink, letter.event_id));
      if (!other) through.push_back(letter.id);
    }
    filter.cursor = page.next_cursor;
    if (!filter.cursor.empty()) continue;
    MR_CHECK_OK(CloseThrough(through));
    return {};
  }
}

Status DeadLetters::CloseOlder(std::string_view pipeline, std::string_view sink,
                               std::string_view stream, const Version& snapshot) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = 'rebuilt', rebuilding = 0, "
                          "resent = NULL WHERE pipeline = ? AND sink = ? AND "
                          "stream <> ? AND version <> '' AND version <= ? AND "
                          "outcome = ''"));
  const std::string version = snapshot.ToHex();
  update.Bind(1, pipeline).Bind(2, sink).Bind(3, stream).Bind(4, version);
  return update.Finish();
}

Status DeadLetters::CopyRedriven(DeadLetters& other, const std::string& pipeline,
                                 const std::string& sink, const std::string& as,
                                 Offset first) {
  DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.state = "all";
  filter.limit = 1'000;
  do {
    MR_TRY(auto page, other.List(filter));
    std::erase_if(page.letters, [](const DeadLetter& letter) {
      return !letter.resent || letter.state == LetterState::kOpen ||
             letter.state == LetterState::kSent;
    });
    for (const DeadLetter& letter : page.letters) {
      if (*letter.resent >= first) continue;
      return Fail(ErrorCode::kOutOfRange,
                  "the log has dropped what was redriven: letter " +
                      std::to_string(letter.id) + " of " + sink);
    }
    MR_CHECK_OK(Insert(page.letters, as));
    filter.cursor = page.next_cursor;
  } while (!filter.cursor.empty());
  return {};
}

Status DeadLetters::AddSent(const std::vector<DeadLetter>& letters,
                            const std::string& sink) {
  if (letters.empty()) return {};
  MR_CHECK_OK(Insert(letters, sink));
  return Resend(letters.front().pipeline, sink);
}

Status DeadLetters::Insert(const std::vector<DeadLetter>& letters,
                           const std::string& sink) {
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto insert,
         impl_.db.Prepare(
             "INSERT INTO dead_letters (id, pipeline, sink, event_id, stage, stream, "
             "\"offset\", version, key, reason, at, attempts, seen, first_at, resent, "
             "outcome) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'applied')"));
  MR_TRY(auto insert_event,
         impl_.db.Prepare("INSERT INTO letter_events (letter, payload) VALUES (?, ?)"));
  for (const DeadLetter& letter : letters) {
    insert.Bind(1, letter.id).Bind(2, letter.pipeline).Bind(3, sink);
    insert.Bind(4, letter.event_id).Bind(5, letter.stage).Bind(6, letter.stream);
    insert.Bind(7, Signed(letter.offset)).Bind(8, letter.version).Bind(9, letter.key);
    insert.Bind(10, letter.reason).Bind(11, letter.at);
    insert.Bind(12, Signed(letter.attempts)).Bind(13, letter.seen);
    insert.Bind(14, letter.first_at).Bind(15, Signed(*letter.resent));
    insert_event.Bind(1, letter.id).Bind(2, letter.payload);
    MR_CHECK_OK(insert.Finish());
    MR_CHECK_OK(insert_event.Finish());
  }
  return transaction.Commit();
}

Result<std::size_t> DeadLetters::CloseThrough(const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return 0;
  const std::lock_guard lock(impl_.mutex);
  SqliteTransaction transaction(impl_.db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = 'rebuilt' WHERE "
                          "id = ? AND state = 'open' RETURNING id"));
  std::size_t closed = 0;
  for (const std::int64_t id : ids) {
    update.Bind(1, id);
    MR_TRY(const bool open, update.Step());
    if (!open) continue;
    ++closed;
    MR_CHECK_OK(update.Finish());
  }
  MR_CHECK_OK(transaction.Commit());
  return closed;
}

Status DeadLetters::EndRebuild(std::string_view pipeline, std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = 'rebuilt', rebuilding = 0, "
                          "resent = NULL WHERE pipeline = ? AND sink = ? AND "
                          "rebuilding = 1 AND outcome = ''"));
  update.Bind(1, pipeline).Bind(2, sink);
  return update.Finish();
}

}  // namespace millrace::pipeline
