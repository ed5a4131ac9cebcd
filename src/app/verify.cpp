#include "verify.hpp"

#include <algorithm>
#include <deque>

#include "verify_narrow.hpp"
#include "verify_stores.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostNarrowed = 3;
constexpr int kMostTries = 10;
constexpr std::string_view kTable = "table.";

/// A sink as it was before the log was read.
struct SinkMoment {
  std::string name;  ///< as in a verdict
  Refused refused;
  std::optional<lake::LakeExtent> extent;  ///< of a lake
  std::optional<TableAnswer> table;
  std::size_t expected = 0;  ///< in LogHistory
};

/// Compares one collection's stores.
class CollectionCheck {
 public:
  CollectionCheck(VerifyStores& stores, const RecordsMoment& moment, std::string name)
      : stores_(stores),
        moment_(moment),
        of_(moment.collections.at(name)),
        history_(moment.slices, moment.end.low) {
    verdict_.collection = std::move(name);
  }

  Result<CollectionVerdict> Run() {
    const StreamId stream{"", verdict_.collection};
    MR_TRY(const auto before, stores_.log().Stream(stream));
    MR_TRY(columns_, stores_.Columns(before));
    MR_CHECK_OK(ReadSinks());
    // After the sinks: the log holds all that they have.
    MR_TRY(info_, stores_.log().Stream(stream));
    MR_CHECK_OK(history_.Read(stores_.log(), info_));
    if (history_.unreadable > 0) {
      LeaveOut("log: " + std::to_string(history_.unreadable) +
               " events that cannot be read");
    }
    MR_CHECK_OK(CompareLog());
    MR_CHECK_OK(CompareRecords());
    for (const auto& sink : sinks_) {
      MR_CHECK_OK(sink.extent ? CompareLake(sink) : CompareTable(sink));
    }
    return std::move(verdict_);
  }

 private:
  bool whole() const { return info_.first == 0; }
  void LeaveOut(std::string what) { verdict_.left_out.push_back(std::move(what)); }

  Status ReadSinks() {
    for (const auto& pipeline : stores_.pipelines()) {
      if (pipeline.stream != verdict_.collection) continue;
      for (const auto& sink : pipeline.sinks) {
        verdict_.dead_letters += sink.dead_letters;
        if (columns_.empty()) continue;
        MR_CHECK_OK(sink.name.starts_with(kTable) ? ReadTable(pipeline.name, sink.name)
                                                  : ReadLake(pipeline.name, sink.name));
      }
    }
    for (auto& sink : sinks_) {
      if (sink.extent) {
        sink.expected = history_.lakes.size();
        history_.lakes.push_back({sink.extent->begin, sink.extent->next, &sink.refused,
                                  SliceSums(moment_.slices.size())});
      } else {
        sink.expected = history_.tables.size();
        history_.tables.push_back({sink.table->next.value_or(0), &sink.refused, {}});
      }
    }
    return {};
  }

  TableQuestion Question(const std::string& table, const Refused& refused) const {
    TableQuestion question{table, columns_, {}, refused.keys, {}};
    for (std::size_t i = 0; i + 1 < moment_.slices.size(); ++i) {
      question.bounds.push_back(moment_.slices.slices()[i].upto);
    }
    return question;
  }

  Status ReadTable(const std::string& pipeline, const std::string& sink) {
    SinkMoment moment;
    moment.name = sink.substr(kTable.size());
    // Letters that came since the table was read are of later events, and other keys'
    // rows do not tell: read them before, and once more after, until they are the same.
    MR_TRY(moment.refused, stores_.ReadRefused(pipeline, sink));
    for (int tries = 0;; ++tries) {
      if (tries == kMostTries) {
        LeaveOut(moment.name + ": dead letters come too fast to compare it");
        return {};
      }
      auto answer = stores_.access().AskTable(Question(moment.name, moment.refused));
      if (!answer && answer.error().code() == ErrorCode::kInvalidArgument) {
        LeaveOut(moment.name + ": not every field is passed through");
        return {};
      }
      if (!answer && answer.error().code() == ErrorCode::kNotFound) {
        LeaveOut(moment.name + ": not begun");
        return {};
      }
      MR_CHECK_OK(answer);
      moment.table = std::move(*answer);
      MR_TRY(auto after, stores_.ReadRefused(pipeline, sink));
      if (after.keys == moment.refused.keys) break;
      moment.refused = std::move(after);
    }
    sinks_.push_back(std::move(moment));
    return {};
  }

  Status ReadLake(const std::string& pipeline, const std::string& sink) {
    SinkMoment moment;
    moment.name = sink;
    auto extent = stores_.Extent(sink);
    if (!extent && extent.error().code() == ErrorCode::kNotFound) {
      LeaveOut(sink + ": not begun");
      return {};
    }
    MR_CHECK_OK(extent);
    MR_TRY(const bool all, stores_.LakeHasAll(extent->files, columns_));
    if (!all) {
      LeaveOut(sink + ": not every field and _id, _version, _op are passed through");
      return {};
    }
    moment.extent = std::move(*extent);
    // After the files: a letter is stored before its sink goes on.
    MR_TRY(moment.refused, stores_.ReadRefused(pipeline, sink));
    sinks_.push_back(std::move(moment));
    return {};
  }

  Narrowing Narrow() {
    return {stores_, moment_.slices, info_, columns_,
            moment_.end.high == 0 ? 0 : static_cast<std::uint32_t>(moment_.end.high)};
  }

  /// Adds a finding for each slice that differs; the first few are narrowed down.
  template <typename Each>
  Status Compare(const std::string& stage, const std::string& store,
                 const SliceSums& expected, const SliceSums& found,
                 std::size_t first_slice, Each narrow) {
    std::size_t narrowed = 0;
    for (std::size_t i = first_slice; i < found.size(); ++i) {
      if (expected[i] == found[i]) continue;
      Finding finding{stage, store, moment_.slices.slices()[i], expected[i], found[i], {},
                      {},    {}};
      if (narrowed++ < kMostNarrowed) MR_CHECK_OK(narrow(finding));
      verdict_.findings.push_back(std::move(finding));
    }
    return {};
  }

  /// The first slice that the log has from its beginning on.
  std::size_t FirstWholeSlice() const {
    if (whole()) return 0;
    if (info_.first == info_.next) return moment_.slices.size();
    const auto slice = moment_.slices.IndexOf(history_.first_position);
    const auto& span = moment_.slices.slices()[slice];
    return history_.first_position == span.after + 1 ? slice : slice + 1;
  }

  Status CompareLog() {
    auto expected = of_.history;
    std::uint64_t waiting = 0;
    for (const auto& change : of_.changes) {
      if (change.position <= history_.last_position) continue;
      expected[change.slice] = Minus(expected[change.slice], change.history);
      ++waiting;
    }
    verdict_.history.push_back({"records", Total(of_.history), 0});
    verdict_.history.push_back({"log", Total(history_.sums), waiting});
    if (!whole()) {
      LeaveOut("log: retention has dropped what was before offset " +
               std::to_string(info_.first));
    }
    return Compare("log", "log", expected, history_.sums, FirstWholeSlice(),
                   [this](Finding& finding) { return Narrow().Log(finding); });
  }

  Status CompareRecords() {
    verdict_.state.push_back({"records", Total(of_.state), 0});
    if (!whole()) return {};
    auto expected = history_.at_records_end;
    if (!expected) {
      // Nothing else asks for the state any more.
      auto& state = history_.state;
      for (const auto& change : of_.changes) {
        if (change.position <= history_.last_position) continue;
        state.Add(change.key, {change.position, change.state,
                               static_cast<std::uint32_t>(change.slice), change.deleted});
      }
      expected = state.Sums(nullptr);
    }
    verdict_.state.push_back({"log", Total(*expected), 0});
    return Compare("source", "records", *expected, of_.state, 0,
                   [this](Finding& finding) {
                     return Narrow().Records(verdict_.collection, finding);
                   });
  }

  Status CompareLake(const SinkMoment& sink) {
    MR_TRY(auto answer, stores_.AskLake({sink.extent->files, columns_, &sink.refused, {}},
                                        moment_.slices));
    auto expected = history_.lakes[sink.expected].sums;
    const auto first = FirstWholeSlice();
    // Where the log is gone, the record store still knows what it had committed.
    const bool all = sink.extent->begin == 0 && sink.refused.positions.empty();
    for (std::size_t i = 0; i < first && all; ++i) expected[i] = of_.history[i];
    const bool partly = first > 0 && !all;
    if (partly) LeaveOut(sink.name + ": what the log has dropped");
    verdict_.history.push_back(
        {sink.name, Total(answer.sums),
         history_.next - std::min(history_.next, sink.extent->next)});
    return Compare("lake", sink.name, expected, answer.sums, partly ? first : 0,
                   [&](Finding& finding) {
                     return Narrow().Lake(*sink.extent, sink.refused, finding);
                   });
  }

  Status CompareTable(const SinkMoment& sink) {
    const auto next = sink.table->next;
    const auto behind = history_.next - std::min(history_.next, next.value_or(0));
    verdict_.state.push_back({sink.name, Total(sink.table->slices), behind});
    if (!next) return {};
    auto expected = history_.tables[sink.expected].sums;
    if (!whole()) {
      // The state of records is that of the table only where nothing is under way.
      const bool quiet =
          behind == 0 && sink.refused.keys.empty() &&
          history_.last_position <= moment_.end.low &&
          (of_.changes.empty() || of_.changes.back().position <= history_.last_position);
      if (!quiet) LeaveOut(sink.name + ": behind, and the log's beginning is gone");
      if (!quiet) return {};
      expected = of_.state;
    }
    if (!expected) return {};
    return Compare("table", sink.name, *expected, sink.table->slices, 0,
                   [&](Finding& finding) {
                     return Narrow().Table(sink.name, sink.refused, finding);
                   });
  }

  VerifyStores& stores_;
  const RecordsMoment& moment_;
  const RecordsMoment::OfCollection& of_;
  LogHistory history_;
  eventlog::StreamInfo info_;
  std::vector<std::string> columns_;
  std::deque<SinkMoment> sinks_;  ///< LogHistory points into it
  CollectionVerdict verdict_;
};

}  // namespace

Result<Verdict> Verify(const std::filesystem::path& data, const VerifyOptions& options) {
  MR_TRY(const auto stores, VerifyStores::Open(data));
  MR_TRY(const auto moment, stores->ReadRecords(options.slice));
  Verdict verdict;
  verdict.slice_width = moment.slices.width();
  for (const auto& [name, of] : moment.collections) {
    MR_TRY(auto one, CollectionCheck(*stores, moment, name).Run());
    verdict.collections.push_back(std::move(one));
  }
  MR_CHECK_OK(stores->access().KeepVerdict(verdict.ToLines()));
  return verdict;
}

}  // namespace millrace::app
