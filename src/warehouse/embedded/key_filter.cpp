#include "key_filter.hpp"

#include <algorithm>
#include <utility>

namespace millrace::warehouse {
namespace {

constexpr std::uint64_t kBitsPerRow = 8;
constexpr std::uint64_t kProbes = 4;
/// More keys at a time are nearly everywhere.
constexpr std::size_t kFewKeys = 16;
/// Each place is a scan of its own; more than so many cost as much as one of everything.
constexpr std::size_t kFewPlaces = 8;

/// Calls `each` with the number of each of the key's bits until it returns false.
template <typename Each>
bool AllBits(std::uint32_t hash, std::uint64_t bits, Each each) {
  const auto mixed = (hash + 1u) * std::uint64_t{0x9e3779b97f4a7c15};
  const auto step = static_cast<std::uint32_t>(mixed >> 32u) | 1u;
  auto at = static_cast<std::uint32_t>(mixed);
  for (std::uint64_t probe = 0; probe < kProbes; ++probe) {
    if (!each(at * bits >> 32u)) return false;  // at % bits, without the division
    at += step;
  }
  return true;
}

std::vector<VersionRange> Joined(std::vector<VersionRange> ranges) {
  std::ranges::sort(ranges, {}, &VersionRange::first);
  std::vector<VersionRange> joined;
  for (const auto& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

/// Hash and version of what CompareStatements found newest in the delta.
std::string SelectMergedHashes(const TableShape& shape) {
  if (!shape.insert_only.empty()) {
    return "SELECT _mr_hash::BIGINT, (_mr_low >> 32)::BIGINT FROM mr_newest";
  }
  return "SELECT mr_key_hash(CAST(k AS VARCHAR))::BIGINT, "
         "((v & 18446744073709551615::UHUGEINT) >> 32)::BIGINT FROM mr_newest";
}

void AddRows(KeyRun& run, const sql::Batch& rows) {
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    run.Add(static_cast<std::uint32_t>(rows.Int64(0, row)),
            static_cast<std::uint32_t>(rows.Int64(1, row)));
  }
}

}  // namespace

KeyRun::KeyRun(std::uint64_t rows)
    : bits_(std::max<std::uint64_t>(1, (rows * kBitsPerRow + 63) / 64)) {}

void KeyRun::Add(std::uint32_t hash, std::uint32_t version) {
  ++rows_;
  versions_ = {std::min(versions_.first, version), std::max(versions_.last, version)};
  AllBits(hash, bits_.size() * 64, [this](std::uint64_t bit) {
    bits_[bit / 64] |= std::uint64_t{1} << bit % 64;
    return true;
  });
}

bool KeyRun::MayHave(std::uint32_t hash) const {
  return AllBits(hash, bits_.size() * 64, [this](std::uint64_t bit) {
    return (bits_[bit / 64] >> bit % 64 & 1u) != 0;
  });
}

std::shared_ptr<const KeyFilter> KeyFilter::With(Run run) const {
  auto runs = runs_;
  runs.push_back(std::move(run));
  return std::make_shared<const KeyFilter>(std::move(runs));
}

std::uint64_t KeyFilter::rows() const {
  std::uint64_t rows = 0;
  for (const auto& run : runs_) rows += run->rows();
  return rows;
}

std::vector<VersionRange> KeyFilter::Find(std::span<const std::uint32_t> hashes) const {
  std::vector<VersionRange> found;
  for (const auto& run : runs_) {
    const auto in_run = [&](std::uint32_t hash) { return run->MayHave(hash); };
    if (std::ranges::any_of(hashes, in_run)) found.push_back(run->versions());
  }
  return Joined(std::move(found));
}

Result<std::vector<KeyFilter::Run>> ReadRuns(sql::Session& session,
                                             const TableShape& shape,
                                             std::uint64_t rows_each) {
  const auto select =
      "SELECT _mr_hash::BIGINT, (_mr_low >> 32)::BIGINT FROM " + BaseTable(shape);
  std::vector<KeyFilter::Run> runs;
  std::unique_ptr<KeyRun> run;
  MR_CHECK_OK(session.Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    if (run && run->rows() >= rows_each) runs.push_back(std::exchange(run, nullptr));
    if (!run) run = std::make_unique<KeyRun>(rows_each);
    AddRows(*run, block);
    return true;
  }));
  if (run && run->rows() > 0) runs.push_back(std::move(run));
  return runs;
}

Result<KeyFilter::Run> ReadMergedRun(sql::Session& session, const TableShape& shape) {
  // Not as a stream: the session has a transaction open.
  MR_TRY(const auto rows, session.Query(SelectMergedHashes(shape)));
  auto run = std::make_shared<KeyRun>(rows.rows());
  AddRows(*run, rows);
  return run;
}

Status Narrow(sql::Session& session, const KeyFilter& filter, KeyCondition& condition) {
  if (condition.hashes.size() > kFewKeys) return {};
  std::string select;
  for (const auto& hash : condition.hashes) {
    select += (select.empty() ? "SELECT " : ", ") + hash + "::BIGINT";
  }
  MR_TRY(const auto row, session.Query(select));
  std::vector<std::uint32_t> hashes;
  for (std::size_t i = 0; i < condition.hashes.size(); ++i) {
    hashes.push_back(static_cast<std::uint32_t>(row.Int64(i, 0)));
    condition.hashes[i] = std::to_string(hashes.back()) + "::UINTEGER";
  }
  auto places = filter.Find(hashes);
  if (places.size() <= kFewPlaces) condition.places = std::move(places);
  return {};
}

}  // namespace millrace::warehouse
