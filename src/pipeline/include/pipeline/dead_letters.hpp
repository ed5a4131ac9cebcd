#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace millrace::pipeline {

/// The stream that a pipeline's redriven letters are appended to.
std::string RedriveStream(std::string_view pipeline);

/// What has become of a letter. The first three are waiting: their change is not in the
/// sink yet.
enum class LetterState : std::uint8_t {
  kOpen,        ///< somebody has to do something
  kSent,        ///< in the redrive stream, not yet in the sink
  kRebuilding,  ///< the sink is built anew and has not come to this change yet
  kApplied,     ///< redriven: the sink has it
  kSuperseded,  ///< redriven: the sink had a newer state of the record, and keeps that
  kRebuilt,     ///< went through when the sink was built anew
  kDismissed,   ///< given up for good: stays out of the sink, whatever is built anew
};
std::string_view NameOf(LetterState state);  ///< "open", "sent", …
bool IsLetterState(std::string_view name);

/// A change that a pipeline could not use, for one of its sinks.
struct DeadLetter {
  std::string pipeline, sink;
  std::string stream;
  Offset offset = 0;
  std::string event_id;  ///< "<stream>@<offset>" when the event has none that can be read
  std::string version;   ///< 32 hex digits, empty as above
  std::string key;       ///< text form of the record's key, empty as above
  std::string stage;     ///< "decode", "require", "lookup", "sql", "sink" or "parked"
  std::string reason;
  std::string payload;  ///< the event as the log has it
  TimestampUs at = 0;   ///< of the last attempt
  std::uint64_t attempts = 1;

  std::int64_t id = 0;  ///< rising, never used again
  LetterState state = LetterState::kOpen;
  std::string seen;              ///< what its lookups are read as of: as `version`
  std::string mended;            ///< the event as it is redriven; empty: as `payload`
  std::string mend;              ///< the expressions that made `mended`
  std::string dismissal;         ///< why it was dismissed, where somebody said
  TimestampUs first_at = 0;      ///< of the first attempt
  std::optional<Offset> resent;  ///< place in the redrive stream
  std::uint64_t run = 0;         ///< the redrive that sent it last; 0: none

  /// What a redrive sends.
  const std::string& event() const { return mended.empty() ? payload : mended; }
};

/// One object as `millrace deadletters list --json` prints it: id, state, then pipeline,
/// sink, stream, offset, event_id, version, key, stage, reason, payload (text), mended
/// and mend (null when not mended), dismissal (null when none is given), first_at, at,
/// attempts, run (null when never redriven).
void AppendJson(std::string& out, const DeadLetter& letter);

/// Which letters. What is empty selects all.
struct LetterFilter {
  std::string pipeline, sink, stage, key;
  std::vector<std::int64_t> ids;
  std::optional<std::uint64_t> run;
  bool mended = false;  ///< those only
  /// "": waiting ones; "all"; or the name of a state.
  std::string state;
};
struct DeadLetterFilter : LetterFilter {
  std::uint32_t limit = 100;  ///< 1..10'000
  std::string cursor;         ///< `next_cursor` of the page before
};
/// May have fewer than the limit where they are large: 8 MiB end it.
struct DeadLetterPage {
  std::vector<DeadLetter> letters;  ///< in the order they were first stored
  std::string next_cursor;          ///< empty: the last page
};

/// What has become of the letters of a redrive.
struct RedriveCounts {
  std::uint64_t waiting = 0, applied = 0, superseded = 0;
  std::uint64_t died = 0;  ///< open again
};

/// Letters by (pipeline, sink).
using LettersOfSinks = std::map<std::pair<std::string, std::string>, std::uint64_t>;

/// The dead letters of a data directory, part of StateDb. Every method is all or nothing
/// and durable on return. Any thread; calls block on the disk. Errors: kUnavailable,
/// kResourceExhausted (nothing was stored).
class DeadLetters {
 public:
  struct Impl;
  explicit DeadLetters(Impl& impl) : impl_(impl) {}

  /// For the stream of changes: upserts by (pipeline, sink, event id). A letter that is
  /// redriven, resolved or dismissed stays as it is; one that is rebuilding is open, or
  /// sent, again, and one that went through when its event was read again is open again.
  /// Gives how many are new.
  Result<std::uint64_t> Put(const std::vector<DeadLetter>& letters);
  Result<DeadLetterPage> List(const DeadLetterFilter& filter);
  /// The letter of an event, whatever its state, and whatever the number of letters.
  Result<std::optional<DeadLetter>> Of(std::string_view pipeline, std::string_view sink,
                                       std::string_view event_id);
  /// Waiting ones.
  Result<std::uint64_t> Count(std::string_view pipeline, std::string_view sink);
  /// When the oldest waiting one died first.
  Result<std::optional<TimestampUs>> Oldest(std::string_view pipeline,
                                            std::string_view sink);
  /// The lowest `seen` of the waiting ones.
  Result<std::optional<Version>> LowestSeen(std::string_view pipeline,
                                            std::string_view sink);

  /// Open letters in order of version, and when they came. kInvalidArgument: the filter;
  /// kNotFound: there is no letter with one of its ids.
  Result<std::vector<std::int64_t>> Open(const LetterFilter& filter);
  /// In their order, the first of `ids`: as many as have 8 MiB, at least one.
  Result<std::vector<DeadLetter>> Load(const std::vector<std::int64_t>& ids);
  /// Sets what open letters are redriven as; `mended` empty: as they came.
  struct Mend {
    std::int64_t id = 0;
    std::string mended, mend;
  };
  Status SetMended(const std::vector<Mend>& mends);
  /// Gives open letters up for good: no rebuild or replay opens them again. Can be
  /// repeated. kInvalidArgument, kNotFound: as Open.
  Result<LettersOfSinks> Dismiss(const LetterFilter& filter, std::string_view reason);

  /// By key, the lowest version of letters in the way of later changes of their records:
  /// open ones, and with `sent` those that are on their way too.
  Result<std::map<std::string, Version, std::less<>>> Blocked(std::string_view pipeline,
                                                              std::string_view sink,
                                                              bool sent);
  /// Waiting ones of a stage.
  Result<std::uint64_t> CountStage(std::string_view pipeline, std::string_view sink,
                                   std::string_view stage);
  /// Letters that are not parked, of events of `stream` with offsets [from, to), whatever
  /// their state.
  Result<std::uint64_t> CountBetween(std::string_view pipeline, std::string_view sink,
                                     std::string_view stream, Offset from, Offset to);
  enum class Which : std::uint8_t { kAll, kDismissed };
  /// The next offset of `stream` after the last one that has such a letter; 0: none has.
  Result<Offset> LettersEnd(std::string_view pipeline, std::string_view sink,
                            std::string_view stream, Which which);
  /// Such letters of events of `stream` with offsets [from, to): id, offset and state.
  Result<std::vector<DeadLetter>> Between(std::string_view pipeline,
                                          std::string_view sink, std::string_view stream,
                                          Offset from, Offset to, Which which);
  /// Their events went through, or are about to, where they were read again: those that
  /// are open are `rebuilt`. Gives how many were.
  Result<std::size_t> CloseThrough(const std::vector<std::int64_t>& ids);
  /// A number for a new redrive.
  Result<std::uint64_t> NextRun();
  /// Open letters get consecutive places in the redrive stream from `first` on, before
  /// they are appended there.
  Status Claim(const std::vector<std::int64_t>& ids, Offset first, std::uint64_t run);
  /// Waiting letters of a pipeline whose place is from `from` up to, not with, `to` were
  /// never there, or are lost: not sent any more.
  Status Unclaim(std::string_view pipeline, Offset from, Offset to);
  /// Sinks with letters that the redrive stream has or will have, resolved ones as well.
  Result<std::vector<std::string>> SentSinks(std::string_view pipeline);
  /// Sent letters by place, of places [from, to).
  Result<std::map<Offset, std::int64_t>> Sent(std::string_view pipeline,
                                              std::string_view sink, Offset from,
                                              Offset to);
  /// Sent letters with places [from, below), at most `limit`: id, key and version.
  Result<std::vector<DeadLetter>> SentBelow(std::string_view pipeline,
                                            std::string_view sink, Offset from,
                                            Offset below, std::uint32_t limit);
  /// What letters are changes of where that is known only now: by id, key and version.
  Status SetRecords(const std::vector<DeadLetter>& letters);
  /// They died again: open, with another stage and reason.
  Status Reopen(const std::vector<DeadLetter>& letters);
  /// Sent letters are in the sink now.
  Status Resolve(const std::vector<std::int64_t>& ids, LetterState state);
  Result<RedriveCounts> CountRun(std::uint64_t run);

  /// Before a sink that has lost, or never had, its rows is built anew from the log:
  /// every letter is decided again, but the dismissed ones.
  Status BeginRebuild(std::string_view pipeline, std::string_view sink);
  /// The next offset of `stream` after the last letter that the rebuilt sink will come
  /// to; 0: those that are left are of a snapshot before it; nullopt: there is none.
  Result<std::optional<Offset>> RebuildEnd(std::string_view pipeline,
                                           std::string_view sink,
                                           std::string_view stream);
  /// A sink without its redriven events of places from `from` on, as one that takes its
  /// place, or of a backup that was made while they came: resolved letters are sent
  /// again, from where they are in the redrive stream; with a version, those that are
  /// above it.
  Status Resend(std::string_view pipeline, std::string_view sink, Offset from = 0,
                const std::optional<Version>& above = {});
  /// Before a sink is replaced by one that was built beside it: letters that this one has
  /// wait here too, whatever became of them before, but dismissed ones. Can be repeated.
  /// kConflict, nothing is changed: one was dismissed here whose event went through
  /// there.
  Status Adopt(std::string_view pipeline, std::string_view sink, DeadLetters& of_other);
  /// After that: open ones that the other sink did not have went through there.
  Status CloseOthers(std::string_view pipeline, std::string_view sink,
                     DeadLetters& of_other);
  /// The sink began with a snapshot, letters of which are of `stream`: waiting letters of
  /// older changes are of no use any more. Can be repeated.
  Status CloseOlder(std::string_view pipeline, std::string_view sink,
                    std::string_view stream, const Version& snapshot);
  /// Before `as` is built anew beside `sink` of `other`: what was dismissed there is
  /// given up here, too; and with `first`, where the redrive stream begins, what was
  /// redriven into that, with its id, is to be sent to `as` when it comes to it.
  /// kOutOfRange: one of them is below `first`.
  Status CopySettled(DeadLetters& other, const std::string& pipeline,
                     const std::string& sink, const std::string& as,
                     std::optional<Offset> first);
  /// Letters of another directory with its redrive stream, with their ids: sent to
  /// `sink`, to the places that they name.
  Status AddSent(const std::vector<DeadLetter>& letters, const std::string& sink);
  /// The sink has come past RebuildEnd: what is left went through.
  Status EndRebuild(std::string_view pipeline, std::string_view sink);

 private:
  Status CheckDismissed(std::string_view pipeline, std::string_view sink,
                        DeadLetters& of_other);
  Status Insert(const std::vector<DeadLetter>& letters, const std::string& sink);
  Result<std::uint64_t> Upsert(const std::vector<DeadLetter>& letters,
                               std::string_view conflict);

  Impl& impl_;
};

}  // namespace millrace::pipeline
