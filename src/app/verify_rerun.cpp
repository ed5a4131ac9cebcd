#include "verify_rerun.hpp"

#include <algorithm>

#include "trace_event.hpp"
#include "verify_table_rows.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostItems = 1'000'000;
constexpr std::string_view kOffsetColumn = "_offset";

/// With a column that says the file.
std::string ReadNamedFiles(const std::vector<std::string>& files) {
  auto out = ReadFiles(files);
  out.back() = ',';
  return out + " filename = '_mr_file')";
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::size_t Comparison::FirstDifference() const {
  auto at = begin;
  while (at < end && !Differs(at)) ++at;
  return at;
}

std::size_t SinkRerun::Units::IndexOf(Offset offset) const {
  const auto behind = std::ranges::upper_bound(firsts, offset);
  return behind == firsts.begin() ? 0
                                  : static_cast<std::size_t>(behind - firsts.begin()) - 1;
}

Result<std::string> SinkRerun::Open() {
  auto rerun = stores_.Rerun();
  if (!rerun) return rerun.error().message() + "; name it with --project";
  rerun_ = *rerun;
  compiled_ = rerun_->Find(pipeline_.name);
  if (compiled_ != nullptr) {
    for (const auto& sink : compiled_->sinks) {
      if (sink.name == sink_) compiled_sink_ = &sink;
    }
  }
  if (auto why = WhyNot(); !why.empty()) return why;
  MR_TRY(definitions_, stores_.state()->Definitions(pipeline_.name, sink_));
  if (!definitions_.empty()) since_ = definitions_.back().first;
  if (snapshot_ && since_ > snapshot_->changes) {
    return "the project's definition is newer than the snapshot";
  }
  defined_ = since_;
  since_ = snapshot_ ? snapshot_->first : std::max(since_, info_.first);
  for (const auto& lookup : compiled_->lookups) {
    MR_TRY(const auto of, stores_.log().Stream({"", lookup.collection.name}));
    if (of.first > 0) return "the log of its lookup " + lookup.name + " begins too late";
  }
  MR_TRY(begun_with_, BegunWith());
  if (!snapshot_ && !begun_with_ && since_ > info_.first) {
    notes_.push_back("events before offset " + std::to_string(since_) +
                     ", from which its definition is used");
  }
  std::vector<std::string> has;
  for (const auto& column : compiled_sink_->output) has.push_back(column.name);
  ChooseColumns(has);
  return "";
}

Result<std::optional<pipeline::Snapshot>> SinkRerun::BegunWith() {
  if (snapshot_ || since_ == 0) return std::nullopt;
  MR_TRY(auto newest, rerun_->FindSnapshot(pipeline_.name));
  if (newest && newest->changes != since_) newest.reset();
  return newest;
}

std::string SinkRerun::WhyNot() {
  if (compiled_sink_ == nullptr) return "the project has no such sink";
  if (compiled_->hash != pipeline_.hash) {
    return "the project's definition is not the one that ran last";
  }
  if (compiled_sink_->filter_reads_now) {
    return "when it is processed decides which rows there are";
  }
  return "";
}

void SinkRerun::ChooseColumns(const std::vector<std::string>& has) {
  const auto& sink = *compiled_sink_;
  std::vector<std::string> without;
  for (const auto& name : has) {
    const bool out = Has(sink.read_now, name) || Has(sink.insert_only, name);
    (out ? without : columns_).push_back(name);
  }
  if (without.empty()) return;
  columns_left_out_.push_back("columns " + Joined(without) +
                              ", which another run gives other values");
  notes_.push_back(columns_left_out_.back());
}

Result<std::optional<std::uint64_t>> SinkRerun::PositionAt(Offset offset) {
  MR_TRY(const auto batch, stores_.log().Read(info_.stream, offset, 1, 1));
  if (batch.empty()) return std::nullopt;
  const auto event = change::ParseEnvelope(batch.records().front().body);
  if (!event) return std::nullopt;
  return event->version.position;
}

Result<std::uint64_t> SinkRerun::Floor(Offset begin) {
  if (begin == 0 || of_codec()) return 0;
  if (begin >= info_.next) return UINT64_MAX;
  MR_TRY(const auto position, PositionAt(begin));
  return position ? *position - 1 : 0;
}

Result<Comparison> SinkRerun::Table(const std::string& table, std::uint64_t after,
                                    bool keyed, std::optional<std::size_t> list) {
  SliceMap slices = of_codec() ? SliceMap() : slices_;
  Offset begin = since_;
  MR_TRY(const auto floor, begun_with_ ? Result<std::uint64_t>(0) : Floor(begin));
  Comparison out;
  out.begin = slices.CutAt(floor);
  if (after > 0) out.begin = std::max(out.begin, slices.IndexOf(after + 1));
  out.slices = slices.slices();
  out.end = out.slices.size();
  if (out.begin < slices.size() && !of_codec()) {
    MR_TRY(const auto firsts, FirstOffsets(stores_.log(), info_, slices));
    begin = std::max(begin, firsts[out.begin]);
  }
  TableQuestion question{table, columns_, {}, {}, {}, of_codec()};
  for (std::size_t i = 0; i + 1 < slices.size(); ++i) {
    question.bounds.push_back(slices.slices()[i].upto);
  }
  if (list) question.list = {out.slices[*list].after, out.slices[*list].upto};
  MR_TRY(auto asked, stores_.AskTable(question, pipeline_, sink_));
  out.next = asked.answer.next;
  out.waiting = asked.refused.waiting;
  out.found = std::move(asked.answer.slices);
  out.have = std::move(asked.answer.items);
  const auto& refused = asked.refused;
  TableRows rows(*compiled_sink_, columns_, slices, refused.dropped_keys, keyed);
  const auto take = [&rows](const std::vector<Offset>& but) {
    return [&rows, &but](const auto& batch) { return rows.Take(batch, but); };
  };
  if (out.next && begun_with_) {
    MR_CHECK_OK(rerun_->RunSnapshot(pipeline_.name, sink_, *begun_with_,
                                    take(refused.of_snapshot)));
  }
  if (out.next && begin < *out.next) {
    MR_CHECK_OK(
        rerun_->Run(pipeline_.name, sink_, begin, *out.next, take(refused.offsets)));
  }
  const std::vector<Offset> none;
  MR_CHECK_OK(RunSent(refused.sent, take(none)));
  out.expected = rows.Sums();
  if (list) out.wanted = rows.Items(out.slices[*list], of_codec());
  return out;
}

bool SinkRerun::IsOfDefinition(const SentLetter& letter) const {
  if (!letter.of_snapshot) return letter.offset >= defined_;
  return begun_with_ && letter.offset >= begun_with_->first &&
         letter.offset < begun_with_->end;
}

Status SinkRerun::RunSent(std::vector<SentLetter> letters,
                          const PipelineRerun::Each& each) {
  std::erase_if(letters, [this](const auto& one) { return !IsOfDefinition(one); });
  if (letters.empty()) return {};
  std::vector<std::int64_t> ids;
  for (const auto& letter : letters) ids.push_back(letter.id);
  return rerun_->RunSent(pipeline_.name, sink_, stores_.state()->letters(), ids, each);
}

Result<SinkRerun::Units> SinkRerun::UnitsOf(const lake::LakeExtent& extent) {
  Units units;
  MR_TRY(const auto has, stores_.LakeColumns(extent.files));
  std::vector<Offset> firsts{since_};
  if (!snapshot_) {
    MR_TRY(firsts, FirstOffsets(stores_.log(), info_, slices_));
  }
  if (Has(has, kOffsetColumn)) {
    units.slices = slices_.slices();
    units.firsts = firsts;
    return units;
  }
  const auto slice_of = [&](Offset offset) {
    const auto behind = std::ranges::upper_bound(firsts, offset);
    const auto at = std::max<std::ptrdiff_t>(behind - firsts.begin(), 1) - 1;
    return slices_.slices()[static_cast<std::size_t>(at)];
  };
  for (const auto& file : extent.files) {
    // "part-0000-<first>.parquet"
    const auto name = std::filesystem::path(file).stem().string();
    const auto digits = name.substr(name.rfind('-') + 1);
    if (digits.empty() || digits[0] < '0' || digits[0] > '9') continue;  // "-start"
    const Offset first = std::stoull(digits);
    if (first < since_) continue;
    units.files.push_back(file);
    units.firsts.push_back(first);
    units.slices.push_back(slice_of(first));
  }
  for (std::size_t i = 0; i < units.files.size(); ++i) {
    const auto next = i + 1 < units.files.size() ? units.firsts[i + 1] : extent.next;
    units.slices[i].end = slice_of(next > 0 ? next - 1 : 0).end;
  }
  return units;
}

Status SinkRerun::FindRows(const lake::LakeExtent& extent, const Units& units,
                           std::optional<std::size_t> list, Comparison& out) {
  std::string select = "SELECT _mr_file";
  select += units.files.empty() ? ", _offset" : ", 0::BIGINT AS _offset";
  for (const auto& column : columns_) select += ", " + sql::QuoteName(column);
  select += " FROM " + ReadNamedFiles(units.files.empty() ? extent.files : units.files);
  constexpr std::size_t kBefore = 2;
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < columns_.size(); ++i) columns.push_back(kBefore + i);
  return stores_.session().Stream(
      select, Deadline::Never(), [&](const sql::Batch& block) {
        for (std::size_t row = 0; row < block.rows(); ++row) {
          auto offset = static_cast<Offset>(block.Int64(1, row));
          std::size_t unit = 0;
          if (units.files.empty()) {
            if (offset < since_) continue;
            unit = units.IndexOf(offset);
          } else {
            const auto file = std::ranges::find(units.files, block.Text(0, row));
            unit = static_cast<std::size_t>(file - units.files.begin());
            if (unit == units.files.size()) continue;
          }
          const auto hash = HashColumns(block, row, columns);
          out.found[unit].AddState(hash);
          if (list == unit && out.have.size() < kMostItems) {
            out.have.push_back({offset, hash.value()});
          }
        }
        return true;
      });
}

Status SinkRerun::MakeRows(const lake::LakeExtent& extent, const Refused& refused,
                           const Units& units, std::optional<std::size_t> list,
                           Comparison& out) {
  const auto begin = std::max({since_, extent.begin, units.firsts[out.begin]});
  const auto end = out.end < units.firsts.size()
                       ? std::min(extent.next, units.firsts[out.end])
                       : extent.next;
  if (begin >= end) return {};
  const auto& but = snapshot_ ? refused.of_snapshot : refused.offsets;
  const auto take = [&](const pipeline::SinkBatch& batch) -> Status {
    const auto columns = IndexesIn(batch.rows, columns_);
    const auto at = IndexIn(batch.rows, kOffsetColumn);
    for (std::size_t row = 0; row < batch.rows.rows(); ++row) {
      const auto offset = static_cast<Offset>(batch.rows.Int64(at, row));
      if (std::ranges::binary_search(but, offset)) continue;
      const auto unit = units.IndexOf(offset);
      const auto hash = HashColumns(batch.rows, row, columns);
      out.expected[unit].AddState(hash);
      if (list == unit && out.wanted.size() < kMostItems) {
        out.wanted.push_back({offset, hash.value()});
      }
    }
    return {};
  };
  return snapshot_ ? rerun_->RunSnapshot(pipeline_.name, sink_, *snapshot_, take)
                   : rerun_->Run(pipeline_.name, sink_, begin, end, take);
}

Result<Comparison> SinkRerun::Lake(const lake::LakeExtent& extent, const Refused& refused,
                                   std::size_t from, std::size_t end, bool list) {
  MR_TRY(const auto units, UnitsOf(extent));
  Comparison out;
  out.slices = units.slices;
  out.next = extent.next;
  out.begin = from;
  out.end = std::min(end, units.slices.size());
  out.expected.resize(units.slices.size());
  out.found.resize(units.slices.size());
  if (out.begin >= out.end) return out;
  const auto listed = list ? std::optional(from) : std::nullopt;
  MR_CHECK_OK(FindRows(extent, units, listed, out));
  MR_CHECK_OK(MakeRows(extent, refused, units, listed, out));
  if (list && !units.files.empty()) DropPairs(out.wanted, out.have);
  return out;
}

NameOfRow SinkRerun::CodecNames() const {
  // A version's ordinal is the position of its event, which is its offset + 1.
  return [this](std::uint64_t ordinal) {
    return info_.stream.name + "@" + std::to_string(ordinal - 1);
  };
}

NameOfRow SinkRerun::LakeNames() const {
  return [this](std::uint64_t offset) {
    std::string place = info_.stream.name + "@" + std::to_string(offset);
    const auto batch = stores_.log().Read(info_.stream, offset, 1, 1);
    if (!batch || batch->empty()) return place;
    const auto event = change::ParseEnvelope(batch->records().front().body);
    if (!event) return place;
    const Version version{event->version.epoch, event->version.position, 0};
    return EventId{std::string(event->source), version}.ToString();
  };
}

}  // namespace millrace::app
