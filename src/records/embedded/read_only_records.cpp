#include <algorithm>

#include "base/file.hpp"
#include "change_table.hpp"
#include "layout.hpp"
#include "record_key.hpp"
#include "records_embedded/embedded_records.hpp"
#include "scan.hpp"
#include "sqlite.hpp"
#include "store_state.hpp"

namespace millrace::records {

struct RecordsReader::Parts {
  Database db;
};

RecordsReader::RecordsReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RecordsReader::~RecordsReader() = default;

Result<std::unique_ptr<RecordsReader>> RecordsReader::Open(
    const std::filesystem::path& directory) {
  const auto file = directory / kDatabaseFile;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return Fail(ErrorCode::kNotFound, "no records in " + directory.string());
  }
  auto parts = std::make_unique<Parts>();
  MR_TRY(parts->db, Database::Open(file, {.mode = Database::Mode::kForeignReader}));
  MR_CHECK_OK(CheckFormat(parts->db));
  MR_TRY(const auto version, parts->db.QueryInt("PRAGMA user_version", 0));
  if (version == 0) {
    return Fail(ErrorCode::kNotFound, "no records yet in " + directory.string());
  }
  return std::unique_ptr<RecordsReader>(new RecordsReader(std::move(parts)));
}

Result<std::vector<std::string>> RecordsReader::Tables() {
  return StoredCollections(parts_->db);
}

Result<Position> RecordsReader::Scan(const std::string& collection,
                                     const ScanEach& each) {
  return ScanTable(parts_->db, collection, each);
}

Result<std::vector<HistorySum>> RecordsReader::Sums() { return ReadSums(parts_->db); }

Result<std::vector<SumMark>> RecordsReader::Marks(const std::string& collection) {
  return ReadMarks(parts_->db, collection);
}

Status RecordsReader::ScanChanges(std::uint64_t after,
                                  const std::function<void(const Change&)>& each) {
  constexpr std::uint32_t kRows = 10'000;
  constexpr std::uint64_t kBytes = 8u << 20u;
  MR_TRY(auto reader, ChangeReader::Prepare(parts_->db));
  MR_TRY(const auto end, End());
  while (true) {
    MR_TRY(const auto batch, reader.Read(after, end.low, kRows, kBytes));
    if (batch.changes.empty()) return {};
    for (const auto& change : batch.changes) each(change);
    after = batch.changes.back().position.low;
  }
}

Status RecordsReader::HoldSnapshot(bool hold) {
  if (!hold) return parts_->db.Exec("COMMIT");
  MR_CHECK_OK(parts_->db.Exec("BEGIN"));
  // The transaction's snapshot is that of its first read.
  MR_CHECK_OK(End());
  return {};
}

Result<Position> RecordsReader::End() {
  MR_TRY(const auto state, ReadStoreState(parts_->db));
  return Position{state.epoch, state.next_seq - 1};
}

Result<std::string> RecordsReader::Source() {
  MR_TRY(auto select, parts_->db.Prepare("SELECT source FROM store"));
  if (select.Step() == SQLITE_ROW) return std::string(select.Text(0));
  return Fail(SqliteError(parts_->db.get(), "read the store's state"));
}

/// Keys are stored as integers where their type is one, and a reader knows no types.
Result<Stored> RecordsReader::Get(const std::string& tenant,
                                  const std::string& collection, const std::string& key) {
  MR_TRY(const auto stored, StoredCollections(parts_->db));
  const auto missing =
      Fail(ErrorCode::kNotFound, "no record '" + key + "' in collection " + collection);
  if (std::ranges::find(stored, collection) == stored.end()) return missing;
  MR_TRY(auto select,
         parts_->db.Prepare("SELECT epoch, position, document FROM " +
                            TableOf(collection) + " WHERE tenant=?1 AND key=?2"));
  for (const bool integer_key : {false, true}) {
    const ResetAtEnd reset(select);
    select.Bind(1, tenant);
    if (!BindKey(select, 2, key, integer_key)) continue;
    const int code = select.Step();
    if (code == SQLITE_ROW) {
      return Stored{.document = std::string(select.Text(2)),
                    .version = {static_cast<std::uint32_t>(select.Int(0)),
                                static_cast<std::uint64_t>(select.Int(1)), 0}};
    }
    if (code != SQLITE_DONE) return Fail(SqliteError(parts_->db.get(), "read a record"));
  }
  return missing;
}

Result<std::optional<ChangeBatch>> RecordsReader::ChangeAt(const Position& position) {
  std::optional<ChangeBatch> none;
  if (position.low == 0) return none;
  MR_TRY(auto reader, ChangeReader::Prepare(parts_->db));
  MR_TRY(auto batch, reader.Read(position.low - 1, position.low, 1, 1));
  if (batch.changes.empty() || batch.changes.front().position != position) return none;
  return batch;
}

}  // namespace millrace::records
