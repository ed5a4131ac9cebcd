#include "verify.hpp"

#include <algorithm>
#include <deque>
#include <iterator>

#include "verify_narrow.hpp"
#include "verify_redriven.hpp"
#include "verify_rerun.hpp"
#include "verify_sinks.hpp"
#include "verify_snapshot.hpp"
#include "verify_stores.hpp"
#include "verify_tenants.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostNarrowed = 3;

/// Compares the stores of one collection or declared stream.
class StreamCheck {
 public:
  /// `of`: null for a declared stream. `slices`: of its positions, up to `end`.
  StreamCheck(VerifyStores& stores, std::string name, const SliceMap& slices,
              Position end, const RecordsMoment::OfCollection* of)
      : stores_(stores),
        slices_(slices),
        end_(end),
        of_(of),
        history_(slices, end.low, of == nullptr) {
    verdict_.collection = std::move(name);
    verdict_.declared = of == nullptr;
    for (const auto& pipeline : stores.pipelines()) {
      if (pipeline.stream != verdict_.collection) continue;
      for (const auto& sink : pipeline.sinks) verdict_.dead_letters += sink.dead_letters;
    }
  }

  Result<CollectionVerdict> Run() {
    if (of_ != nullptr) records_ = &of_->tenants.at("");
    const StreamId stream{"", verdict_.collection};
    MR_TRY(const auto before, stores_.log().Stream(stream));
    MR_TRY(columns_, stores_.Columns(before));
    MR_TRY(sinks_,
           ReadSinks(stores_, verdict_.collection, columns_, slices_, verdict_.left_out));
    MR_CHECK_OK(ExpectSinks());
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
      MR_CHECK_OK(CompareSink(sink));
      if (!sink.is_table()) MR_CHECK_OK(CompareParts(sink));
    }
    return std::move(verdict_);
  }

 private:
  bool whole() const { return info_.first == 0; }
  void LeaveOut(std::string what) { verdict_.left_out.push_back(std::move(what)); }
  /// What the log is to say of the sinks.
  Status ExpectSinks() {
    for (auto& sink : sinks_) {
      if (!sink.has_all) continue;
      if (sink.extent) {
        sink.expected = history_.lakes.size();
        history_.lakes.push_back({sink.extent->begin, sink.extent->next, &sink.refused,
                                  SliceSums(slices_.size())});
        continue;
      }
      sink.expected = history_.tables.size();
      NewestPerKey redriven(slices_.size());
      MR_CHECK_OK(
          stores_.ForEachSent(sink.refused, slices_, [&](const HashedEvent& event) {
            if (std::ranges::binary_search(sink.refused.dropped_keys, event.key)) return;
            redriven.Add(event.key, event.entry());
          }));
      history_.tables.push_back(
          {sink.table->next.value_or(0), &sink.refused, std::move(redriven), {}, {}});
    }
    return {};
  }

  Narrowing Narrow() {
    Narrowing narrow{stores_, slices_, info_, columns_, stores_.source(), 0, false};
    narrow.epoch = static_cast<std::uint32_t>(end_.high);
    if (of_ == nullptr) {
      narrow.source = verdict_.collection;
      narrow.epoch = history_.epoch;
      narrow.declared = true;
    }
    return narrow;
  }

  /// Adds a finding for each slice of [begin, end) that differs; the first few are
  /// narrowed down.
  template <typename Each>
  Status Compare(const std::string& stage, const std::string& store,
                 const Comparison& sides, Each narrow) {
    std::size_t narrowed = 0;
    for (std::size_t i = sides.begin; i < sides.end; ++i) {
      if (!sides.Differs(i)) continue;
      Finding finding{
          stage, store, sides.slices[i], sides.expected[i], sides.found[i], {}, {}, {}};
      if (narrowed++ < kMostNarrowed) MR_CHECK_OK(narrow(finding, i));
      verdict_.findings.push_back(std::move(finding));
    }
    return {};
  }

  Comparison Sides(const SliceSums& expected, const SliceSums& found,
                   std::size_t begin = 0) const {
    return {slices_.slices(), expected, found, begin, slices_.size(), {}, {}, {}, {}};
  }

  /// The first slice that the log has from its beginning on.
  std::size_t FirstWholeSlice() const {
    if (whole()) return 0;
    if (info_.first == info_.next) return slices_.size();
    const auto slice = slices_.IndexOf(history_.first_position);
    const auto& span = slices_.slices()[slice];
    return history_.first_position == span.after + 1 ? slice : slice + 1;
  }

  Status CompareLog() {
    if (!whole()) {
      LeaveOut("log: retention has dropped what was before offset " +
               std::to_string(info_.first));
    }
    if (of_ == nullptr) {
      verdict_.history.push_back({"log", Total(history_.sums), 0});
      return {};
    }
    auto expected = of_->history;
    std::uint64_t waiting = 0;
    for (const auto& change : records_->changes) {
      if (change.position <= history_.last_position) continue;
      expected[change.slice] = Minus(expected[change.slice], change.history);
      ++waiting;
    }
    verdict_.history.push_back({"records", Total(of_->history), 0});
    verdict_.history.push_back({"log", Total(history_.sums), waiting});
    return Compare(
        "log", "log", Sides(expected, history_.sums, FirstWholeSlice()),
        [this](Finding& finding, std::size_t) { return Narrow().Log(finding); });
  }

  Status CompareRecords() {
    if (of_ == nullptr) return {};
    verdict_.state.push_back({"records", Total(records_->state), 0});
    if (!whole()) return {};
    auto expected = history_.at_records_end;
    if (!expected) {
      // Nothing else asks for the state any more.
      auto& state = history_.state;
      for (const auto& change : records_->changes) {
        if (change.position > history_.last_position) {
          state.Add(change.key, change.entry());
        }
      }
      expected = state.sums();
    }
    verdict_.state.push_back({"log", Total(*expected), 0});
    return Compare(
        "source", "records", Sides(*expected, records_->state),
        [this](Finding& finding, std::size_t) { return Narrow().Records(finding); });
  }

  std::uint64_t Behind(Offset next) const {
    return history_.next - std::min(history_.next, next);
  }

  /// A lake beside what was committed; nothing: it cannot be compared so.
  Result<std::optional<Comparison>> LakeAsLogged(const SinkMoment& sink) {
    if (!sink.has_all) return std::nullopt;
    MR_TRY(auto answer, stores_.AskLake({sink.extent->files, columns_, {}}, slices_));
    auto expected = history_.lakes[sink.expected].sums;
    const auto first = FirstWholeSlice();
    // Where the log is gone, the record store still knows what it had committed.
    const bool all =
        of_ != nullptr && sink.extent->begin == 0 && sink.refused.positions.empty();
    for (std::size_t i = 0; i < first && all; ++i) expected[i] = of_->history[i];
    const bool partly = first > 0 && !all;
    if (partly) LeaveOut(sink.name + ": what the log has dropped");
    auto sides = Sides(expected, answer.sums, partly ? first : 0);
    sides.next = sink.extent->next;
    return sides;
  }

  /// A table beside the newest of each key; nothing: it cannot be compared so.
  Result<std::optional<Comparison>> TableAsLogged(const SinkMoment& sink) {
    if (!sink.has_all) return std::nullopt;
    const auto next = sink.table->next;
    auto expected = history_.tables[sink.expected].sums;
    if (!whole()) {
      // The state of records is that of the table only where nothing is under way.
      const bool quiet = of_ != nullptr && next && Behind(*next) == 0 &&
                         sink.refused.keys.empty() &&
                         history_.last_position <= end_.low &&
                         (records_->changes.empty() ||
                          records_->changes.back().position <= history_.last_position);
      if (!quiet) return std::nullopt;
      expected = records_->state;
    }
    const auto& found = sink.table->slices;
    if (!next || !expected) expected = found;
    auto sides = Sides(*expected, found);
    sides.next = next;
    sides.waiting = sink.refused.waiting;
    return sides;
  }

  /// From the first slice on that differs, up to the last.
  Result<Comparison> Again(SinkRerun& rerun, const SinkMoment& sink,
                           const std::optional<Comparison>& plain) {
    std::size_t from = 0, end = slices_.size();
    if (plain) {
      from = plain->FirstDifference();
      while (!plain->Differs(end - 1)) --end;
    }
    if (!sink.is_table()) {
      return rerun.Lake(*sink.extent, sink.refused, from, plain ? end : SIZE_MAX, false);
    }
    const auto after = slices_.slices()[from].after;
    const bool keyed = of_ != nullptr || rerun.of_codec();
    MR_TRY(auto sides, rerun.Table(sink.name, after, keyed, {}));
    const auto differs = sides.FirstDifference();
    if (keyed || differs == sides.end) return sides;
    return rerun.Table(sink.name, sides.slices[differs].after, true, {});
  }

  Status CompareSink(const SinkMoment& sink) {
    MR_TRY(const auto plain, sink.is_table() ? TableAsLogged(sink) : LakeAsLogged(sink));
    if (plain && plain->FirstDifference() == plain->end) {
      AddSums(sink, *plain, false);
      return {};
    }
    SinkRerun rerun(stores_, slices_, info_, *sink.pipeline, sink.sink);
    MR_TRY(auto why, rerun.Open());
    if (why.empty()) {
      const auto sides = Again(rerun, sink, plain);
      if (sides) {
        for (const auto& note : rerun.notes()) LeaveOut(sink.name + ": " + note);
        AddSums(sink, *sides, true);
        return NameRerun(rerun, sink, *sides);
      }
      why = sides.error().message();
    }
    if (!plain) {
      LeaveOut(sink.name + ": not every field is passed through; " + why);
      verdict_.undefined |= !rerun.defined();
      return {};
    }
    LeaveOut(sink.name + ": what its pipeline leaves out looks lost; " + why);
    AddSums(sink, *plain, false);
    return NamePlain(sink, *plain);
  }

  /// What a lake has beside its changes.
  Status CompareParts(const SinkMoment& sink) {
    MR_TRY(auto snapshot, CompareSnapshot(stores_, *sink.pipeline, sink.sink));
    AddPart(std::move(snapshot));
    MR_TRY(auto redriven, CompareRedriven(stores_, slices_, info_, of_ == nullptr,
                                          *sink.pipeline, sink.sink));
    AddPart(std::move(redriven));
    return {};
  }

  void AddPart(PartRows rows) {
    if (rows.sum) verdict_.history.push_back(std::move(*rows.sum));
    std::ranges::move(rows.findings, std::back_inserter(verdict_.findings));
    for (auto& text : rows.left_out) LeaveOut(std::move(text));
    verdict_.undefined |= rows.undefined;
  }

  void AddSums(const SinkMoment& sink, const Comparison& sides, bool rerun) {
    auto& list = sink.is_table() ? verdict_.state : verdict_.history;
    const auto behind = Behind(sides.next.value_or(0)) + sides.waiting;
    list.push_back({sink.name, Total(sides.found), behind, rerun});
  }

  Status NamePlain(const SinkMoment& sink, const Comparison& sides) {
    return Compare(sink.is_table() ? "table" : "lake", sink.name, sides,
                   [&](Finding& finding, std::size_t) {
                     return sink.is_table()
                                ? Narrow().Table(sink.name, *sink.pipeline, sink.sink,
                                                 finding)
                                : Narrow().Lake(*sink.extent, sink.refused, finding);
                   });
  }

  Status NameRerun(SinkRerun& rerun, const SinkMoment& sink, const Comparison& sides) {
    const auto narrow = Narrow();
    const auto table_names = rerun.of_codec() ? rerun.CodecNames() : narrow.Names();
    const auto name = [&](Finding& finding, std::size_t slice) -> Status {
      if (sink.is_table()) {
        MR_TRY(auto rows, rerun.Table(sink.name, sides.slices[slice].after, true, slice));
        NameDifferences(std::move(rows.wanted), std::move(rows.have), table_names,
                        finding);
        return {};
      }
      MR_TRY(auto rows, rerun.Lake(*sink.extent, sink.refused, slice, slice + 1, true));
      NameDifferences(std::move(rows.wanted), std::move(rows.have), rerun.LakeNames(),
                      finding);
      return {};
    };
    return Compare(sink.is_table() ? "table" : "lake", sink.name, sides, name);
  }

  VerifyStores& stores_;
  const SliceMap& slices_;
  const Position end_;  ///< of the records
  const RecordsMoment::OfCollection* const of_;
  const RecordsMoment::OfTenant* records_ = nullptr;  ///< of the collection
  LogHistory history_;
  eventlog::StreamInfo info_;
  std::vector<std::string> columns_;
  std::deque<SinkMoment> sinks_;  ///< LogHistory points into it
  CollectionVerdict verdict_;
};

Status CheckStreams(VerifyStores& stores, const RecordsMoment& moment, TimestampUs slice,
                    Verdict& verdict) {
  MR_TRY(const auto streams, stores.log().Streams());
  for (const auto& info : streams) {
    const auto& name = info.stream.name;
    if (name.starts_with('_') || moment.collections.contains(name) ||
        !info.stream.tenant.empty()) {
      continue;
    }
    MR_TRY(const auto slices, SlicesOfStream(stores.log(), info, slice));
    MR_TRY(auto one, StreamCheck(stores, name, slices, {0, UINT64_MAX}, nullptr).Run());
    verdict.collections.push_back(std::move(one));
  }
  return {};
}

}  // namespace

Result<Verdict> Verify(const std::filesystem::path& data, const VerifyOptions& options) {
  MR_TRY(const auto stores, VerifyStores::Open(data, options.project));
  MR_TRY(const auto moment, stores->ReadRecords(options.slice));
  Verdict verdict;
  verdict.slice_width = moment.slices.width();
  for (const auto& [name, of] : moment.collections) {
    MR_TRY(auto one,
           of.of_tenants
               ? CompareTenants(*stores, name, moment)
               : StreamCheck(*stores, name, moment.slices, moment.end, &of).Run());
    verdict.collections.push_back(std::move(one));
  }
  MR_CHECK_OK(CheckStreams(*stores, moment, options.slice, verdict));
  MR_CHECK_OK(stores->access().KeepVerdict(verdict.ToLines()));
  return verdict;
}

}  // namespace millrace::app
