#include <algorithm>

#include "layout.hpp"
#include "records_embedded/database_copy.hpp"
#include "sqlite.hpp"
#include "store_state.hpp"

namespace millrace::records {

Result<std::uint32_t> RaiseEpoch(const std::filesystem::path& directory,
                                 TimestampUs now) {
  constexpr TimestampUs kSecond = 1'000'000;
  const auto file = directory / kDatabaseFile;
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return Fail(ErrorCode::kNotFound, "no records in " + directory.string());
  }
  MR_TRY(auto db, Database::Open(file, {.mode = Database::Mode::kWriter}));
  MR_CHECK_OK(CheckFormat(db));
  MR_TRY(const auto state, ReadStoreState(db));
  const auto epoch = std::max(state.epoch + 1, static_cast<std::uint32_t>(now / kSecond));
  MR_CHECK_OK(db.Exec("UPDATE store SET epoch=" + std::to_string(epoch)));
  MR_CHECK_OK(db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  return epoch;
}

}  // namespace millrace::records
