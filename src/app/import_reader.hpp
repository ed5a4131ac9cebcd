#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/client.hpp"
#include "schema/type.hpp"

namespace millrace::app {

/// What an import needs to know of a collection.
struct CollectionShape {
  std::string key;
  schema::Columns fields;
};

/// How a file's texts become a record.
struct ImportRules {
  /// Column of a CSV header, or member of an object, → field; an empty field: left out.
  /// What is not named here is the field of its own name.
  std::map<std::string, std::string> fields;
  /// Texts that are null. An empty CSV cell without quotes always is.
  std::vector<std::string> nulls;

  bool IsNull(std::string_view text) const;
  /// nullopt: left out.
  std::optional<std::string> FieldOf(const std::string& name) const;
};

/// "column=field", …; kInvalidArgument: no '=', or a column twice.
Result<std::map<std::string, std::string>> ParseFieldMap(
    const std::vector<std::string>& texts);

/// Asks the server (GET /api/collections/{collection}).
Result<CollectionShape> FetchCollection(const http::ClientOptions& server,
                                        const std::string& collection);

/// One line of the file as a record, or why it is none.
struct ImportRow {
  std::uint64_t line = 0;  ///< where it begins, from 1
  std::string key;         ///< empty when the line has none
  std::string body;        ///< JSON object
  std::string problem;     ///< not empty: unreadable
};

/// Reads records from CSV (RFC 4180, header line, gzip by content) or NDJSON (by name),
/// line by line; a bad line is reported and the next one read.
class ImportReader {
 public:
  virtual ~ImportReader() = default;
  /// kInvalidArgument: a CSV header names a column that the collection lacks, or lacks
  /// one that the rules name; the rules name a field that the collection lacks.
  static Result<std::unique_ptr<ImportReader>> Open(const std::filesystem::path& file,
                                                    const CollectionShape& shape,
                                                    const ImportRules& rules);
  /// nullopt at the end. kDataLoss: broken or cut gzip data; nothing more can be read.
  virtual Result<std::optional<ImportRow>> Next() = 0;
  /// Where the last row began, from 1.
  virtual std::uint64_t line() const = 0;
};

/// Of the whole content: the identity of an import.
Result<std::uint64_t> HashOfFile(const std::filesystem::path& file);

}  // namespace millrace::app
