#include "base/file.hpp"
#include "layout.hpp"
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

Status RecordsReader::Scan(
    const std::string& collection,
    const std::function<bool(std::string_view key, std::string_view document)>& each) {
  return ScanTable(parts_->db, collection, each);
}

Result<std::vector<HistorySum>> RecordsReader::Sums() { return ReadSums(parts_->db); }

Result<Position> RecordsReader::End() {
  MR_TRY(const auto state, ReadStoreState(parts_->db));
  return Position{state.epoch, state.next_seq - 1};
}

}  // namespace millrace::records
