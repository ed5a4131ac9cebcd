#include "pipeline/dead_letters.hpp"
#include "state_impl.hpp"

/// The part of DeadLetters that rebuilds, replays and snapshots need.
namespace millrace::pipeline {
namespace {

/// `each`: of a page of the letters, which it may change.
template <typename Each>
Status ForEachPage(DeadLetters& of, std::string_view pipeline, std::string_view sink,
                   std::string_view state, const Each& each) {
  DeadLetterFilter filter;
  filter.pipeline = pipeline;
  filter.sink = sink;
  filter.state = state;
  filter.limit = 1'000;
  do {
    MR_TRY(auto page, of.List(filter));
    MR_CHECK_OK(each(page.letters));
    filter.cursor = page.next_cursor;
  } while (!filter.cursor.empty());
  return {};
}

}  // namespace

Status DeadLetters::BeginRebuild(std::string_view pipeline, std::string_view sink) {
  const std::lock_guard lock(impl_.mutex);
  MR_TRY(auto update, impl_.db.Prepare("UPDATE dead_letters SET rebuilding = 1, "
                                       "outcome = '' WHERE pipeline = ? AND sink = ? "
                                       "AND outcome <> 'dismissed'"));
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

Status DeadLetters::CheckDismissed(std::string_view pipeline, std::string_view sink,
                                   DeadLetters& of_other) {
  const auto check = [&](const std::vector<DeadLetter>& letters) -> Status {
    for (const DeadLetter& letter : letters) {
      MR_TRY(const auto other, of_other.Of(pipeline, sink, letter.event_id));
      if (other) continue;
      return Fail(ErrorCode::kConflict, "letter " + std::to_string(letter.id) +
                                            " was dismissed while its event went into "
                                            "the new " +
                                            std::string(sink) + ": replay again");
    }
    return {};
  };
  return ForEachPage(*this, pipeline, sink, NameOf(LetterState::kDismissed), check);
}

Status DeadLetters::Adopt(std::string_view pipeline, std::string_view sink,
                          DeadLetters& of_other) {
  MR_CHECK_OK(CheckDismissed(pipeline, sink, of_other));
  const auto adopt = [this](const std::vector<DeadLetter>& letters) -> Status {
    MR_CHECK_OK(Upsert(letters, "WHERE outcome <> 'dismissed'"));
    return {};
  };
  return ForEachPage(of_other, pipeline, sink, "all", adopt);
}

Status DeadLetters::CloseOthers(std::string_view pipeline, std::string_view sink,
                                DeadLetters& of_other) {
  std::vector<std::int64_t> through;
  const auto add = [&](const std::vector<DeadLetter>& letters) -> Status {
    for (const DeadLetter& letter : letters) {
      MR_TRY(const auto other, of_other.Of(pipeline, sink, letter.event_id));
      if (!other) through.push_back(letter.id);
    }
    return {};
  };
  MR_CHECK_OK(ForEachPage(*this, pipeline, sink, "open", add));
  MR_CHECK_OK(CloseThrough(through));
  return {};
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

Status DeadLetters::CopySettled(DeadLetters& other, const std::string& pipeline,
                                const std::string& sink, const std::string& as,
                                std::optional<Offset> first) {
  const auto copy = [&](std::vector<DeadLetter>& letters) -> Status {
    std::erase_if(letters, [&](const DeadLetter& letter) {
      if (letter.state == LetterState::kDismissed) return false;
      return !first || !letter.resent || letter.state == LetterState::kOpen ||
             letter.state == LetterState::kSent;
    });
    for (const DeadLetter& letter : letters) {
      if (!first || !letter.resent || *letter.resent >= *first) continue;
      return Fail(ErrorCode::kOutOfRange,
                  "the log has dropped what was redriven: letter " +
                      std::to_string(letter.id) + " of " + sink);
    }
    return Insert(letters, as);
  };
  return ForEachPage(other, pipeline, sink,
                     first ? "all" : NameOf(LetterState::kDismissed), copy);
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
             "outcome) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,-1),?)"));
  MR_TRY(auto insert_event,
         impl_.db.Prepare("INSERT INTO letter_events (letter, payload) VALUES (?, ?)"));
  for (const DeadLetter& letter : letters) {
    insert.Bind(1, letter.id).Bind(2, letter.pipeline).Bind(3, sink);
    insert.Bind(4, letter.event_id).Bind(5, letter.stage).Bind(6, letter.stream);
    insert.Bind(7, Signed(letter.offset)).Bind(8, letter.version).Bind(9, letter.key);
    insert.Bind(10, letter.reason).Bind(11, letter.at);
    insert.Bind(12, Signed(letter.attempts)).Bind(13, letter.seen);
    insert.Bind(14, letter.first_at)
        .Bind(15, letter.resent ? Signed(*letter.resent) : -1);
    const bool dismissed = letter.state == LetterState::kDismissed;
    insert.Bind(16, NameOf(dismissed ? letter.state : LetterState::kApplied));
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
