#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
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
  /// kInvalidArgument: a CSV header names a column that the collection lacks.
  static Result<std::unique_ptr<ImportReader>> Open(const std::filesystem::path& file,
                                                    const CollectionShape& shape,
                                                    const std::string& null_text);
  /// nullopt at the end. kDataLoss: broken or cut gzip data; nothing more can be read.
  virtual Result<std::optional<ImportRow>> Next() = 0;
  /// Where the last row began, from 1.
  virtual std::uint64_t line() const = 0;
};

/// Of the whole content: the identity of an import.
Result<std::uint64_t> HashOfFile(const std::filesystem::path& file);

}  // namespace millrace::app
