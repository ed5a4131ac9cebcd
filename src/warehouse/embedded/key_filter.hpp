#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "sql/engine.hpp"
#include "table_sql.hpp"

/// Where in a table's base a key's row can be, known in memory: a look for one key reads
/// a few row groups instead of all. By value, not by place: rows may be moved, but none
/// changes its version.
namespace millrace::warehouse {

/// Some rows of a base: a Bloom filter of their keys' hashes, 8 bits a row, and the
/// versions between which they are. About 2 % of other keys seem to be in it.
class KeyRun {
 public:
  explicit KeyRun(std::uint64_t rows);
  void Add(std::uint32_t hash, std::uint32_t version);
  bool MayHave(std::uint32_t hash) const;
  std::uint64_t rows() const { return rows_; }
  VersionRange versions() const { return versions_; }

 private:
  std::vector<std::uint64_t> bits_;
  std::uint64_t rows_ = 0;
  VersionRange versions_{std::numeric_limits<std::uint32_t>::max(), 0};
};

/// All rows of a base, and of those that it no longer has, in runs. Immutable: whoever
/// looks something up keeps the one that he began with. Any thread.
class KeyFilter {
 public:
  using Run = std::shared_ptr<const KeyRun>;

  explicit KeyFilter(std::vector<Run> runs) : runs_(std::move(runs)) {}
  /// With one more.
  std::shared_ptr<const KeyFilter> With(Run run) const;
  std::uint64_t rows() const;
  /// A row with one of these hashes has a version in one of these ranges; rising, not
  /// touching. None: the base has no such row.
  std::vector<VersionRange> Find(std::span<const std::uint32_t> hashes) const;

 private:
  std::vector<Run> runs_;
};

/// Runs of about `rows_each` of the rows of the base, which has hashes.
Result<std::vector<KeyFilter::Run>> ReadRuns(sql::Session& session,
                                             const TableShape& shape,
                                             std::uint64_t rows_each);
/// Within the transaction of a slice, after its CompareStatements: of what it brings into
/// the base, maybe more.
Result<KeyFilter::Run> ReadMergedRun(sql::Session& session, const TableShape& shape);

/// Says in `condition` where its keys can be, if they are few and can be in few places.
Status Narrow(sql::Session& session, const KeyFilter& filter, KeyCondition& condition);

}  // namespace millrace::warehouse
