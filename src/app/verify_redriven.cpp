#include "verify_redriven.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "verify_table_rows.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostNarrowed = 3;
constexpr std::string_view kOffsetColumn = "_offset";

/// A row of the event with this offset.
struct Row {
  std::size_t slice = 0;
  RowItem item;  ///< with the offset for a position
};

class RedrivenCheck {
 public:
  RedrivenCheck(VerifyStores& stores, const SliceMap& slices,
                const eventlog::StreamInfo& stream, bool declared,
                const pipeline::StoredPipeline& pipeline, const std::string& sink)
      : stores_(stores),
        slices_(slices),
        declared_(declared),
        pipeline_(pipeline),
        sink_(sink),
        store_(sink + "/redriven"),
        rerun_(stores, slices, stream, pipeline, sink) {}

  Result<PartRows> Run(const lake::LakeExtent& extent, Refused refused) {
    refused_ = std::move(refused);
    MR_TRY(const auto why, rerun_.Open());
    rows_.undefined = !rerun_.defined();
    if (!why.empty()) return NotCompared(why);
    MR_CHECK_OK(TakeLetters());
    MR_TRY(const auto has, stores_.LakeColumns(extent.files));
    by_offset_ = std::ranges::find(has, kOffsetColumn) != has.end();
    if (!others_.empty() && !by_offset_) {
      return NotCompared("without offsets its rows cannot be told from " + Others());
    }
    if (!others_.empty()) rows_.left_out.push_back(store_ + ": " + Others());
    if (!by_offset_ && letters_.empty() && !elsewhere_.empty()) {
      return NotCompared("without offsets they cannot be told from those of a replay");
    }
    // Files of an older definition may lack a column.
    if (auto found = FindRows(extent.files); !found) {
      return NotCompared(found.error().message());
    }
    if (carried_ > 0) {
      rows_.left_out.push_back(
          store_ + ": " + std::to_string(carried_) +
          " rows of letters of another sink, as a replay brings them");
    }
    if (auto made = MakeRows(); !made) return NotCompared(made.error().message());
    for (const auto& note : rerun_.columns_left_out()) {
      rows_.left_out.push_back(store_ + ": " + note);
    }
    MR_CHECK_OK(Compare());
    return std::move(rows_);
  }

 private:
  PartRows NotCompared(const std::string& why) const {
    return {{}, {}, {store_ + ": " + why}, rows_.undefined};
  }

  std::string Others() const {
    return std::to_string(others_.size()) +
           " events that the log has dropped, or of an older definition";
  }

  Status TakeLetters() {
    others_ = refused_.dropped_offsets;
    for (const auto& letter : refused_.sent) {
      if (!rerun_.IsOfDefinition(letter)) others_.push_back(letter.offset);
      letters_.emplace(letter.offset, letter);
    }
    std::ranges::sort(others_);
    auto& letters = stores_.state()->letters();
    MR_TRY(const auto sinks, letters.SentSinks(pipeline_.name));
    for (const auto& sink : sinks) {
      if (sink == sink_) continue;
      MR_TRY(const auto refused, stores_.ReadRefused(pipeline_, sink));
      for (const auto& letter : refused.sent) elsewhere_.insert(letter.offset);
    }
    return {};
  }

  /// Nothing: of rows that are not compared.
  Result<std::optional<std::size_t>> SliceOf(Offset offset) {
    if (std::ranges::binary_search(others_, offset)) return std::nullopt;
    if (!by_offset_) return 0;
    const auto letter = letters_.find(offset);
    // `replay --lake-to` takes rows along whose letters are the former lake's.
    if (letter == letters_.end() && elsewhere_.contains(offset)) {
      ++carried_;
      return std::nullopt;
    }
    if (declared_) return slices_.IndexOf(offset + 1);
    if (letter != letters_.end()) return slices_.IndexOf(letter->second.position);
    MR_TRY(const auto position, rerun_.PositionAt(offset));
    return slices_.IndexOf(position.value_or(0));
  }

  Status Take(const sql::Batch& block, std::size_t at,
              const std::vector<std::size_t>& columns, SliceSums& sums,
              std::vector<Row>& rows) {
    for (std::size_t row = 0; row < block.rows(); ++row) {
      const auto offset = static_cast<Offset>(block.Int64(at, row));
      MR_TRY(const auto slice, SliceOf(offset));
      if (!slice) continue;
      const auto hash = HashColumns(block, row, columns);
      sums[*slice].AddState(hash);
      rows.push_back({*slice, {offset, hash.value()}});
    }
    return {};
  }

  Status FindRows(const std::vector<std::string>& files) {
    found_.resize(slices_.size());
    std::string select = by_offset_ ? "SELECT _offset" : "SELECT 0::BIGINT";
    for (const auto& column : rerun_.columns()) select += ", " + sql::QuoteName(column);
    select += " FROM " + ReadFiles(files);
    Status taken;
    MR_CHECK_OK(
        stores_.session().Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
          taken = Take(block, 0, ColumnsFrom(block, 1), found_, have_);
          return taken.has_value();
        }));
    return taken;
  }

  Status MakeRows() {
    expected_.resize(slices_.size());
    return rerun_.RunSent(refused_.sent, [&](const pipeline::SinkBatch& batch) {
      return Take(batch.rows, IndexIn(batch.rows, kOffsetColumn),
                  IndexesIn(batch.rows, rerun_.columns()), expected_, wanted_);
    });
  }

  Status Compare() {
    rows_.sum = {store_, Total(found_), refused_.waiting, true};
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      if (expected_[i] == found_[i]) continue;
      Finding finding{"lake", store_, SliceAt(i), expected_[i], found_[i], {}, {}, {}};
      if (rows_.findings.size() < kMostNarrowed) {
        auto wanted = Of(wanted_, i), have = Of(have_, i);
        if (!by_offset_) DropPairs(wanted, have);
        NameDifferences(std::move(wanted), std::move(have), Names(), finding);
      }
      rows_.findings.push_back(std::move(finding));
    }
    return {};
  }

  /// Without offsets: from the first letter's slice to the last one's.
  Slice SliceAt(std::size_t slice) const {
    if (by_offset_ || letters_.empty()) return slices_.slices()[slice];
    std::size_t first = slices_.size() - 1, last = 0;
    for (const auto& [offset, letter] : letters_) {
      const auto at = slices_.IndexOf(declared_ ? offset + 1 : letter.position);
      first = std::min(first, at);
      last = std::max(last, at);
    }
    const auto &begin = slices_.slices()[first], &end = slices_.slices()[last];
    return {begin.begin, end.end, begin.after, end.upto};
  }

  static std::vector<RowItem> Of(const std::vector<Row>& rows, std::size_t slice) {
    std::vector<RowItem> items;
    for (const auto& row : rows) {
      if (row.slice == slice) items.push_back(row.item);
    }
    return items;
  }

  NameOfRow Names() {
    return [this](std::uint64_t offset) {
      const auto known = letters_.find(offset);
      if (known == letters_.end()) return rerun_.LakeNames()(offset);
      const auto letter = stores_.state()->letters().Load({known->second.id});
      return letter && !letter->empty() ? letter->front().event_id
                                        : rerun_.LakeNames()(offset);
    };
  }

  VerifyStores& stores_;
  const SliceMap& slices_;
  const bool declared_;
  const pipeline::StoredPipeline& pipeline_;
  const std::string sink_, store_;
  SinkRerun rerun_;
  Refused refused_;
  std::map<Offset, SentLetter> letters_;  ///< by the offset of its event
  std::vector<Offset> others_;            ///< of rows that are not compared, sorted
  std::set<Offset> elsewhere_;            ///< of letters that other sinks had
  std::uint64_t carried_ = 0;             ///< rows of those
  bool by_offset_ = false;
  SliceSums expected_, found_;
  std::vector<Row> wanted_, have_;
  PartRows rows_;
};

}  // namespace

Result<PartRows> CompareRedriven(VerifyStores& stores, const SliceMap& slices,
                                 const eventlog::StreamInfo& stream, bool declared,
                                 const pipeline::StoredPipeline& pipeline,
                                 const std::string& sink) {
  MR_TRY(const auto redriven,
         stores.log().Stream({"", pipeline::RedriveStream(pipeline.name)}));
  const auto extent = stores.Extent(sink, pipeline::kRedrivePartition);
  const bool begun = extent || extent.error().code() != ErrorCode::kNotFound;
  if (begun) MR_CHECK_OK(extent);
  // After the files: what they have is said to be sent, and stays so.
  MR_TRY(auto refused, stores.ReadRefused(pipeline, sink));
  refused.Settle(redriven.first, begun ? extent->next : 0);
  PartRows rows;
  if (!begun && refused.waiting > 0) {
    rows.sum = {sink + "/redriven", {}, refused.waiting, true};
  }
  if (!begun) return rows;
  RedrivenCheck check(stores, slices, stream, declared, pipeline, sink);
  return check.Run(*extent, std::move(refused));
}

}  // namespace millrace::app
