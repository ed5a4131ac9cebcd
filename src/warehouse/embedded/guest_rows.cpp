#include "guest_rows.hpp"

namespace millrace::warehouse {

Result<std::unique_ptr<GuestRows>> GuestRows::Add(
    const GuestTable& guest, const std::vector<query::Filter>& filters,
    sql::Session& session, Deadline deadline) {
  const auto& name = guest.info.name;
  std::string columns;
  for (const auto& column : guest.info.columns) {
    if (!columns.empty()) columns += ", ";
    columns += sql::QuoteName(column.name) + " " + column.type.ToSql();
  }
  std::unique_ptr<GuestRows> added(new GuestRows(session, sql::QuoteName(name)));
  MR_CHECK_OK(
      session.Run("CREATE OR REPLACE TEMP TABLE " + added->name_ + " (" + columns + ")"));
  MR_CHECK_OK(guest.read(filters, [&](const sql::Batch& rows) -> Status {
    if (deadline.expired()) {
      return Fail(ErrorCode::kDeadlineExceeded, "reading " + name + " took too long");
    }
    return session.Append("", name, rows);
  }));
  return added;
}

GuestRows::~GuestRows() {
  static_cast<void>(session_.Run("DROP TABLE IF EXISTS temp.main." + name_));
}

}  // namespace millrace::warehouse
