#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "change_reader.hpp"
#include "letter_mender.hpp"
#include "lookup_state.hpp"
#include "pipeline/pipelines.hpp"
#include "processor.hpp"
#include "schema/record_codec.hpp"

/// Mending: what the expressions make of letters, and whether that would go through.
namespace millrace::pipeline {
namespace {

constexpr std::size_t kAtOnce = 1'000;
/// Of the documents that a report shows.
constexpr std::size_t kShownBytes = 8u << 20u;
constexpr std::chrono::seconds kLookupsWithin{10};

/// Runs events through a pipeline as its sink would, and gives nothing to anybody.
class Trial {
 public:
  Trial(const CompiledPipeline& pipeline, Services& services, LookupSet& lookups)
      : pipeline_(pipeline),
        services_(services),
        lookups_(lookups),
        history_(pipeline.stream(), services.state, false) {}

  Status Open(const CompiledSink& sink) {
    MR_CHECK_OK(history_.Load());
    MR_TRY(processor_, Processor::Open(pipeline_, sink, lookups_, history_,
                                       services_.engine, services_.clock, false));
    return {};
  }

  /// Says of each that would die why.
  Status Run(std::vector<Mended*> mended, const std::map<std::int64_t, Offset>& offsets) {
    std::ranges::sort(mended, {},
                      [&](const Mended* one) { return offsets.at(one->shown.id); });
    std::vector<std::string> bodies;
    bodies.reserve(mended.size());
    std::vector<eventlog::Record> records;
    for (const Mended* one : mended) {
      const std::string& body =
          bodies.emplace_back(one->event + std::string(schema::kJsonPadding, ' '));
      records.push_back(
          {offsets.at(one->shown.id), std::string_view(body.data(), one->event.size())});
    }
    if (records.empty()) return {};
    MR_CHECK_OK(CatchUp(processor_->Begin(records)));
    MR_TRY(const auto processed, processor_->Finish());
    for (const DeadLetter& died : processed.letters) {
      const auto at = std::ranges::find(records, died.offset, &eventlog::Record::offset);
      Mended& one = *mended[static_cast<std::size_t>(at - records.begin())];
      one.shown.problem = died.stage + ": " + died.reason;
    }
    return {};
  }

 private:
  Status CatchUp(Position position) {
    for (const CompiledLookup& lookup : pipeline_.lookups) {
      LookupState& state = lookups_.Of(lookup);
      if (lookup.as_of_now) {
        MR_CHECK_OK(state.CatchUpToEnd());
      } else if (services_.mark.WaitFor(position, Deadline::After(kLookupsWithin))) {
        MR_CHECK_OK(state.CatchUp(position));
      } else {
        return Fail(ErrorCode::kUnavailable,
                    "lookup " + lookup.name + " is not as far as the letters: again");
      }
    }
    return {};
  }

  const CompiledPipeline& pipeline_;
  Services& services_;
  LookupSet& lookups_;
  FieldHistory history_;
  std::unique_ptr<Processor> processor_;
};

/// One step of a mend over one sink.
struct MendStep {
  DeadLetters& letters;
  LetterMender& mender;
  Trial& trial;
  bool apply, reset;

  /// Of the first of `ids`, as many as are loaded at once.
  Result<std::vector<Mended>> Run(const std::vector<std::int64_t>& ids) {
    MR_TRY(const auto loaded, letters.Load(ids));
    MR_TRY(auto mended, mender.Mend(loaded));
    std::vector<Mended*> tried;
    std::vector<DeadLetters::Mend> stored;
    std::map<std::int64_t, Offset> offsets;
    std::set<Offset> taken;
    for (std::size_t i = 0; i < mended.size(); ++i) {
      const DeadLetter& letter = loaded[i];
      // Letters of a snapshot and of changes may have one; here it only tells them apart.
      Offset offset = letter.offset;
      while (!taken.insert(offset).second) ++offset;
      offsets[letter.id] = offset;
      if (mended[i].stays) continue;
      tried.push_back(&mended[i]);
      if (!mended[i].shown.changed) continue;
      const std::string before = letter.mend.empty() ? "" : letter.mend + "; then ";
      stored.push_back(
          {letter.id, reset ? "" : mended[i].event, reset ? "" : before + mender.text()});
    }
    MR_CHECK_OK(trial.Run(std::move(tried), offsets));
    if (apply) MR_CHECK_OK(letters.SetMended(stored));
    return mended;
  }
};

void Add(MendReport& report, std::vector<Mended>& mended, std::size_t shown) {
  for (Mended& one : mended) {
    ++report.letters;
    report.changed += one.shown.changed ? 1 : 0;
    report.failing += one.shown.problem.empty() ? 0 : 1;
    report.shown.push_back(std::move(one.shown));
  }
  // What changes first, and of that, and of the others, what has a problem.
  std::ranges::sort(report.shown, {}, [](const MendedLetter& one) {
    return std::tuple(!one.changed, one.problem.empty(), one.id);
  });
  std::size_t fit = 0, bytes = 0;
  for (; fit < std::min(shown, report.shown.size()) && bytes < kShownBytes; ++fit)
    bytes += report.shown[fit].before.size() + report.shown[fit].after.size();
  report.shown.resize(fit);
}

}  // namespace

Result<const CompiledPipeline*> Pipelines::PipelineOf(const LetterFilter& filter) const {
  const CompiledPipeline* only = nullptr;
  std::string names;
  bool known = false;
  for (const CompiledPipeline& pipeline : pipelines_) {
    LetterFilter one = filter;
    one.pipeline = pipeline.definition.name;
    if (!filter.pipeline.empty() && filter.pipeline != one.pipeline) continue;
    known = true;
    MR_TRY(const auto ids, services_.state.letters().Open(one));
    if (ids.empty()) continue;
    only = &pipeline;
    names += (names.empty() ? "" : ", ") + one.pipeline;
  }
  if (!known) {
    return Fail(ErrorCode::kNotFound, "there is no pipeline " + filter.pipeline);
  }
  if (names.find(',') == std::string::npos) return only;
  return Fail(ErrorCode::kInvalidArgument,
              "these letters are of several pipelines (" + names +
                  "), whose fields differ: choose one with --pipeline");
}

Result<MendReport> Pipelines::Mend(const LetterFilter& filter, const MendSpec& spec,
                                   bool apply, std::size_t shown) {
  MendReport report;
  report.applied = apply;
  MR_TRY(const CompiledPipeline* pipeline, PipelineOf(filter));
  if (pipeline == nullptr) return report;
  MR_CHECK_OK(OpenLookups());
  report.pipeline = pipeline->definition.name;
  MR_TRY(const auto mender, LetterMender::Open(*pipeline, spec, services_.engine));
  for (const CompiledSink& sink : pipeline->sinks) {
    LetterFilter one = filter;
    one.pipeline = report.pipeline;
    if (!one.sink.empty() && one.sink != sink.name) continue;
    one.sink = sink.name;
    Trial trial(*pipeline, services_, *lookups_);
    MR_CHECK_OK(trial.Open(sink));
    MR_TRY(const auto ids, services_.state.letters().Open(one));
    MendStep step{services_.state.letters(), *mender, trial, apply, spec.reset};
    for (std::size_t at = 0; at < ids.size();) {
      const auto end = std::min(at + kAtOnce, ids.size());
      MR_TRY(auto mended, step.Run({ids.begin() + static_cast<std::ptrdiff_t>(at),
                                    ids.begin() + static_cast<std::ptrdiff_t>(end)}));
      if (mended.empty()) break;
      at += mended.size();  // large ones come few at a time
      Add(report, mended, shown);
    }
  }
  return report;
}

}  // namespace millrace::pipeline
