#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "log_history.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/sink.hpp"
#include "table_sums.hpp"
#include "verify_slices.hpp"

namespace millrace::app {

inline std::size_t IndexIn(const sql::Batch& batch, std::string_view name) {
  return static_cast<std::size_t>(batch.Find(name));
}

inline std::vector<std::size_t> IndexesIn(const sql::Batch& batch,
                                          const std::vector<std::string>& names) {
  std::vector<std::size_t> indexes;
  for (const auto& name : names) indexes.push_back(IndexIn(batch, name));
  return indexes;
}

/// Rows of a table as a rerun gives them.
class TableRows {
 public:
  TableRows(const pipeline::CompiledSink& sink, const std::vector<std::string>& columns,
            const SliceMap& slices, const std::vector<std::uint64_t>& without, bool keyed)
      : sink_(sink),
        columns_(columns),
        slices_(slices),
        without_(without),
        keyed_(keyed),
        newest_(slices.size()),
        plain_(slices.size()) {}

  /// But for events of the offsets `refused` (sorted), which went another way.
  Status Take(const pipeline::SinkBatch& batch, const std::vector<Offset>& refused) {
    const auto columns = IndexesIn(batch.rows, columns_);
    MR_CHECK_OK(Take(batch.rows, refused, &columns));
    return keyed_ ? Take(batch.tombstones, refused, nullptr) : Status();
  }
  SliceSums Sums() const { return keyed_ ? newest_.sums() : plain_; }
  std::vector<RowItem> Items(const Slice& slice, bool by_ordinal) const {
    std::vector<RowItem> items;
    for (const auto& [key, entry] : newest_.entries()) {
      const auto position = entry.version.position;
      if (entry.deleted || position <= slice.after || position > slice.upto) continue;
      if (items.size() < kMost) {
        items.push_back({by_ordinal ? entry.version.ordinal : position, entry.state});
      }
    }
    return items;
  }

 private:
  static constexpr std::size_t kMost = 1'000'000;  ///< rows that are listed
  Status Take(const sql::Batch& rows, const std::vector<Offset>& refused,
              const std::vector<std::size_t>* columns) {
    if (rows.rows() == 0) return {};
    const auto key = IndexIn(rows, sink_.key), at = IndexIn(rows, "_version"),
               offset = IndexIn(rows, "_offset");
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const auto of_event = static_cast<Offset>(rows.Int64(offset, row));
      if (std::ranges::binary_search(refused, of_event)) continue;
      literal_.clear();
      rows.AppendJson(literal_, key, row);
      const auto hashed = KeyHash(literal_);
      if (std::ranges::binary_search(without_, hashed)) continue;
      MR_TRY(const auto version, Version::Parse(rows.Text(at, row)));
      const auto slice = slices_.IndexOf(version.position);
      const bool gone = columns == nullptr;
      const auto hash = gone ? change::RowHash() : HashColumns(rows, row, *columns);
      if (keyed_) {
        newest_.Add(hashed,
                    {version, hash.value(), static_cast<std::uint32_t>(slice), gone});
      } else {
        plain_[slice].AddState(hash);
      }
    }
    return {};
  }

  const pipeline::CompiledSink& sink_;
  const std::vector<std::string>& columns_;
  const SliceMap& slices_;
  const std::vector<std::uint64_t>& without_;  ///< keys, sorted
  const bool keyed_;
  NewestPerKey newest_;
  SliceSums plain_;
  std::string literal_;
};

}  // namespace millrace::app
