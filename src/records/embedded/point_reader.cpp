#include "point_reader.hpp"

#include "layout.hpp"
#include "record_key.hpp"

namespace millrace::records {

Result<std::unique_ptr<PointReader>> PointReader::Open(
    const std::filesystem::path& file,
    const std::vector<schema::Collection>& collections) {
  auto out = std::make_unique<PointReader>();
  MR_TRY(out->db_, Database::Open(file, {.mode = Database::Mode::kReader}));
  for (const auto& collection : collections) {
    MR_TRY(auto select,
           out->db_.Prepare("SELECT epoch, position, document FROM " +
                            TableOf(collection.name) + " WHERE tenant=?1 AND key=?2"));
    out->targets_.emplace(collection.name,
                          Target{std::move(select), HasIntegerKey(collection)});
  }
  return out;
}

Result<Stored> PointReader::Get(const std::string& tenant, const std::string& collection,
                                const std::string& key) {
  const auto at = targets_.find(collection);
  if (at == targets_.end()) {
    return Fail(ErrorCode::kNotFound, "no collection '" + collection + "'");
  }
  const std::scoped_lock lock(mutex_);
  auto& select = at->second.select;
  const ResetAtEnd reset(select);
  select.Bind(1, tenant);
  if (!BindKey(select, 2, key, at->second.integer_key)) {
    return Fail(NoRecord(collection, key));
  }
  switch (select.Step()) {
    case SQLITE_ROW:
      return Stored{.document = std::string(select.Text(2)),
                    .version = {static_cast<std::uint32_t>(select.Int(0)),
                                static_cast<std::uint64_t>(select.Int(1)), 0}};
    case SQLITE_DONE:
      return Fail(NoRecord(collection, key));
    default:
      return Fail(SqliteError(db_.get(), "read a record"));
  }
}

}  // namespace millrace::records
