#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup.hpp"
#include "base/result.hpp"
#include "letter_works.hpp"
#include "pipeline/state_db.hpp"
#include "sql/print.hpp"
#include "table_sums.hpp"
#include "trace.hpp"

namespace millrace::app {

/// What the command line asks of a data directory, whether a server runs on it (then
/// through the socket in it) or not (then on the files, under its lock).
class DataAccess {
 public:
  virtual ~DataAccess() = default;

  /// kNotFound: no data directory. kFenced: a process holds it that does not answer.
  static Result<std::unique_ptr<DataAccess>> Open(const std::filesystem::path& data);

  /// One SELECT over tables and `lake.*`, printed in `format` to `write`.
  virtual Status Sql(const std::string& select, sql::Format format,
                     const std::function<void(std::string_view)>& write) = 0;
  /// The JSON array of `millrace status`.
  virtual Result<std::string> StatusJson() = 0;
  /// {"items":[…],"next_cursor":…} of dead letters.
  virtual Result<std::string> DeadLetters(const pipeline::DeadLetterFilter& filter) = 0;
  /// What mends and redrives them: the running server, which needs nothing else; null
  /// when there is none (then OfflineLetters does it, once this access is gone).
  virtual LetterWorks* letters() { return nullptr; }
  /// {"items":[…]}: where an event is, trace.hpp.
  virtual Result<std::string> Trace(const TraceQuestion& question) = 0;
  /// As app::BackUp; `to` is absolute. A server does it itself and goes on with it when
  /// nobody waits for it any more.
  virtual Result<BackupReport> BackUp(const std::filesystem::path& to,
                                      CopyState& state) = 0;
  /// What a table has and where it stands, at one moment: table_sums.hpp.
  virtual Result<TableAnswer> AskTable(const TableQuestion& question) = 0;
  /// Leaves what a verify found (Verdict::ToLines) with the server, for its metrics;
  /// nothing without one.
  virtual Status KeepVerdict(const std::string& lines) = 0;
};

}  // namespace millrace::app
