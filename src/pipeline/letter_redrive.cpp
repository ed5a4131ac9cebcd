#include "base/failpoint.hpp"
#include "pipeline/dead_letters.hpp"
#include "state_impl.hpp"

/// The part of DeadLetters that redrives need, and what gives letters up.
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
                          "resent = ?1 + place, run = ?2 FROM chosen WHERE id = letter "
                          "AND outcome = ''"));
  const std::string chosen = JsonArray(ids);
  update.Bind(1, Signed(first)).Bind(2, Signed(run)).Bind(3, chosen);
  MR_CHECK_OK(update.Finish());
  return transaction.Commit();
}

Result<std::map<std::string, Version, std::less<>>> DeadLetters::Blocked(
    std::string_view pipeline, std::string_view sink, bool sent) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto select,
         impl_.db.Prepare("SELECT key, min(version) FROM dead_letters WHERE pipeline = ? "
                          "AND sink = ? AND outcome = '' AND state IN ('open', ?) "
                          "AND version <> '' "
                          "GROUP BY key"));
  select.Bind(1, pipeline)
      .Bind(2, sink)
      .Bind(3, std::string_view(sent ? "sent" : "open"));
  std::map<std::string, Version, std::less<>> blocked;
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return blocked;
    MR_TRY(const auto version, Version::Parse(select.Text(1)));
    blocked.emplace(select.Text(0), version);
  }
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

Result<LettersOfSinks> DeadLetters::Dismiss(const LetterFilter& filter,
                                            std::string_view reason) {
  MR_TRY(const auto ids, Open(filter));
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update,
         impl_.db.Prepare("UPDATE dead_letters SET outcome = 'dismissed', dismissal = ? "
                          "WHERE id IN (SELECT value FROM json_each(?)) "
                          "AND state = 'open' RETURNING pipeline, sink"));
  const std::string chosen = JsonArray(ids);
  update.Bind(1, reason).Bind(2, chosen);
  MR_FAIL_POINT("letters.before_dismiss");
  LettersOfSinks dismissed;
  while (true) {
    MR_TRY(const bool more, update.Step());  // the last one commits
    if (!more) break;
    ++dismissed[{std::string(update.Text(0)), std::string(update.Text(1))}];
  }
  MR_FAIL_POINT("letters.after_dismiss");
  return dismissed;
}

}  // namespace millrace::pipeline
