#include "import_reader.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "collection_json.hpp"
#include "http/query.hpp"
#include "schema/record_codec.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kLongestLine = 64u << 20u;

/// Bytes of a plain or gzip file, one after the other.
class ByteReader {
 public:
  static Result<ByteReader> Open(const std::filesystem::path& path) {
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) return Fail(SystemError("open", path, errno));
    return ByteReader(file);
  }
  ByteReader(ByteReader&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  ~ByteReader() {
    if (file_ != nullptr) gzclose(file_);
  }

  /// -1 at the end.
  Result<int> Get() {
    if (at_ < size_) return static_cast<unsigned char>(buffer_[at_++]);
    const int got = gzread(file_, buffer_.data(), static_cast<unsigned>(buffer_.size()));
    if (got < 0) return Fail(ErrorCode::kDataLoss, "broken gzip data");
    if (got == 0) {
      int problem = Z_OK;
      gzerror(file_, &problem);
      if (problem == Z_OK) return -1;
      return Fail(ErrorCode::kDataLoss, "the gzip data end too early: the file was cut");
    }
    size_ = static_cast<std::size_t>(got);
    at_ = 1;
    return static_cast<unsigned char>(buffer_[0]);
  }

 private:
  explicit ByteReader(gzFile file) : file_(file) {}
  gzFile file_;
  std::vector<char> buffer_ = std::vector<char>(256u << 10u);
  std::size_t at_ = 0, size_ = 0;
};

/// A CSV record: its cells, and which of them were quoted (a quoted empty cell is text).
struct CsvRecord {
  std::vector<std::string> cells;
  std::vector<bool> quoted;
  std::string problem;
};

class CsvReader {
 public:
  explicit CsvReader(ByteReader bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t line() const { return line_; }

  /// nullopt at the end of the file. Empty lines are passed over.
  Result<std::optional<CsvRecord>> Next() {
    for (;;) {
      MR_TRY(int c, bytes_.Get());
      if (c < 0) return std::nullopt;
      line_ = next_line_;
      if (c == '\n') {
        ++next_line_;
        continue;
      }
      MR_TRY(auto record, ReadRecord(c));
      const bool blank = record->cells.size() == 1 && record->cells.front().empty() &&
                         !record->quoted.front() && record->problem.empty();
      if (!blank) return record;
    }
  }

 private:
  Result<std::optional<CsvRecord>> ReadRecord(int c) {
    CsvRecord record;
    std::string cell;
    bool quoted = false, inside = false;  // quoted and not inside: behind its end
    const auto finish_cell = [&] {
      record.cells.push_back(std::move(cell));
      record.quoted.push_back(quoted);
      cell.clear();
      quoted = false;
    };
    for (;;) {
      if (c == '\n') ++next_line_;
      if (c < 0 || (!inside && c == '\n')) break;
      if (inside) {
        if (c == '"') {
          MR_TRY(c, bytes_.Get());
          if (c != '"') {
            inside = false;
            continue;
          }
        }
        cell += static_cast<char>(c);
      } else if (c == ',') {
        finish_cell();
      } else if (c == '"' && cell.empty() && !quoted) {
        inside = quoted = true;
      } else if (!quoted) {
        cell += static_cast<char>(c);
      } else if (c != '\r') {
        record.problem = "text behind a closing quote: double the quotes inside a cell";
      }
      if (cell.size() > kLongestLine) record.problem = "a cell is over 64 MiB";
      if (!record.problem.empty()) cell.clear();
      MR_TRY(c, bytes_.Get());
    }
    if (inside) {
      record.problem = "a quote is never closed: nothing from here to the end was read";
    }
    // CR LF ends a line; any other CR is part of its cell.
    if (!quoted && cell.ends_with('\r')) cell.pop_back();
    finish_cell();
    return record;
  }

  ByteReader bytes_;
  std::uint64_t line_ = 1, next_line_ = 1;
};

class CsvImport final : public ImportReader {
 public:
  CsvImport(CsvReader csv, const CollectionShape& shape, ImportRules rules)
      : csv_(std::move(csv)), shape_(shape), rules_(std::move(rules)) {}

  Status ReadHeader() {
    MR_TRY(auto header, csv_.Next());
    if (!header)
      return Fail(ErrorCode::kInvalidArgument, "the file is empty: no header line");
    if (!header->cells.empty() && header->cells.front().starts_with("\xef\xbb\xbf")) {
      header->cells.front().erase(0, 3);  // byte order mark
    }
    std::vector<FieldError> unknown = MissingIn(header->cells);
    std::vector<std::string_view> names;
    for (const auto& field : shape_.fields) names.push_back(field.name);
    for (const auto& cell : header->cells) {
      const auto name = rules_.FieldOf(cell);
      columns_.emplace_back();
      if (!name) continue;
      const auto found = std::ranges::find(names, *name);
      const auto column = static_cast<std::size_t>(found - names.begin());
      if (found == names.end()) {
        unknown.push_back(Unknown(cell, names));
      } else if (std::ranges::find(columns_, column) != columns_.end()) {
        unknown.push_back({cell, "stands in the header twice"});
      } else {
        columns_.back() = column;
      }
    }
    if (unknown.empty()) return {};
    return Fail(Error(ErrorCode::kInvalidArgument,
                      "line 1: the header has columns that cannot be used",
                      std::move(unknown)));
  }

  std::uint64_t line() const override { return csv_.line(); }

  Result<std::optional<ImportRow>> Next() override {
    MR_TRY(auto record, csv_.Next());
    if (!record) return std::nullopt;
    ImportRow row;
    row.line = csv_.line();
    row.problem = std::move(record->problem);
    if (row.problem.empty() && record->cells.size() != columns_.size()) {
      row.problem = std::to_string(record->cells.size()) + " cells, the header has " +
                    std::to_string(columns_.size());
    }
    if (row.problem.empty()) WriteBody(*record, row);
    return row;
  }

 private:
  /// Columns that the rules name and the header lacks: a misspelt one must not be passed
  /// over.
  std::vector<FieldError> MissingIn(const std::vector<std::string>& header) const {
    std::vector<FieldError> missing;
    for (const auto& [column, field] : rules_.fields) {
      if (std::ranges::find(header, column) != header.end()) continue;
      missing.push_back({column, "no such column in the header"});
    }
    return missing;
  }

  static FieldError Unknown(const std::string& cell,
                            const std::vector<std::string_view>& names) {
    std::string message = "no such field";
    const auto near = NearMiss(cell, names.data(), names.size());
    if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
    return {cell, message};
  }

  void WriteBody(const CsvRecord& record, ImportRow& row) const {
    row.body = "{";
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i]) continue;
      const auto& field = shape_.fields[*columns_[i]];
      const auto& cell = record.cells[i];
      if (row.body.size() > 1) row.body += ',';
      AppendJsonKey(row.body, field.name);
      const bool null = (cell.empty() && !record.quoted[i]) || rules_.IsNull(cell);
      if (null) {
        row.body += "null";
        continue;
      }
      auto literal = schema::RecordCodec::LiteralFromText(field.type, cell);
      if (!literal) {
        row.problem = field.name + ": " + literal.error().message();
        return;
      }
      row.body += *literal;
      if (field.name == shape_.key) row.key = cell;
    }
    row.body += '}';
  }

  CsvReader csv_;
  const CollectionShape shape_;
  const ImportRules rules_;
  std::vector<std::optional<std::size_t>> columns_;  ///< field of each cell
};

class NdjsonImport final : public ImportReader {
 public:
  NdjsonImport(ByteReader bytes, const CollectionShape& shape, ImportRules rules)
      : bytes_(std::move(bytes)), key_(shape.key), rules_(std::move(rules)) {}

  std::uint64_t line() const override { return line_; }

  Result<std::optional<ImportRow>> Next() override {
    for (;;) {
      std::string line;
      bool any = false, too_long = false;
      for (;;) {
        MR_TRY(const int c, bytes_.Get());
        if (c < 0) break;
        any = true;
        if (c == '\n') break;
        too_long = too_long || line.size() > kLongestLine;
        if (!too_long) line += static_cast<char>(c);
      }
      if (!any) return std::nullopt;
      ++line_;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      ImportRow row;
      row.line = line_;
      if (line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
      if (too_long) {
        row.problem = "the line is over 64 MiB";
      } else if (line[line.find_first_not_of(" \t\r")] != '{') {
        row.problem = "expected one JSON object, got " + Excerpt(line);
      }
      if (row.problem.empty() && !(rules_.fields.empty() && rules_.nulls.empty())) {
        line = Renamed(line);
      }
      row.key = TextMember(line, key_);
      row.body = std::move(line);
      return row;
    }
  }

 private:
  /// The object under the rules; as it is where it is broken: the server says why.
  std::string Renamed(const std::string& line) {
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    const simdjson::padded_string padded(line);
    if (parser_.iterate(padded).get(document) || document.get_object().get(object)) {
      return line;
    }
    std::string out = "{";
    for (auto member : object) {
      std::string_view name, value;
      if (member.unescaped_key().get(name) ||
          simdjson::to_json_string(member.value()).get(value)) {
        return line;
      }
      const auto field = rules_.FieldOf(std::string(name));
      if (!field) continue;
      if (out.size() > 1) out += ',';
      AppendJsonKey(out, *field);
      const bool null = value.starts_with('"') && rules_.IsNull(schema::TextOf(value));
      while (value.ends_with(' ')) value.remove_suffix(1);
      out += null ? "null" : value;
    }
    const char* more = nullptr;
    const bool at_end = document.current_location().get(more) == simdjson::OUT_OF_BOUNDS;
    return at_end ? out + "}" : line;
  }

  ByteReader bytes_;
  const std::string key_;
  const ImportRules rules_;
  simdjson::ondemand::parser parser_;
  std::uint64_t line_ = 0;
};

bool IsNdjson(const std::filesystem::path& file) {
  auto name = file.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name.ends_with(".ndjson") || name.ends_with(".jsonl") || name.ends_with(".json");
}

}  // namespace

Result<CollectionShape> FetchCollection(const http::ClientOptions& server,
                                        const std::string& collection) {
  const auto deadline = Deadline::After(std::chrono::seconds(10));
  MR_TRY(auto client, http::Client::Connect(server, deadline));
  std::string target = "/api/collections/";
  http::AppendPercentEncoded(target, collection);
  MR_TRY(const auto response, client.Send(http::Method::kGet, target, "", {}, deadline));
  if (response.status != 200) {
    std::string why = TextMember(response.body, "detail");
    if (server.headers.empty())
      why += "; where access rules ask who you are, bring a key: --key-file";
    const bool later = response.status == 429 || response.status >= 500;
    return Fail(later ? ErrorCode::kUnavailable : ErrorCode::kNotFound, std::move(why));
  }
  return ParseCollectionShape(response.body);
}

bool ImportRules::IsNull(std::string_view text) const {
  return std::ranges::find(nulls, text) != nulls.end();
}

std::optional<std::string> ImportRules::FieldOf(const std::string& name) const {
  const auto found = fields.find(name);
  if (found == fields.end()) return name;
  if (found->second.empty()) return std::nullopt;
  return found->second;
}

Result<std::map<std::string, std::string>> ParseFieldMap(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::string> fields;
  for (const auto& text : texts) {
    const auto equal = text.rfind('=');  // a field's name has none, a column's may
    if (equal == std::string::npos || equal == 0) {
      return Fail(ErrorCode::kInvalidArgument, "--map " + text +
                                                   ": expected column=field, or column= "
                                                   "to leave it out");
    }
    if (!fields.emplace(text.substr(0, equal), text.substr(equal + 1)).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--map names the column " + text.substr(0, equal) + " twice");
    }
  }
  return fields;
}

Result<std::unique_ptr<ImportReader>> ImportReader::Open(
    const std::filesystem::path& file, const CollectionShape& shape,
    const ImportRules& rules) {
  for (const auto& [column, field] : rules.fields) {
    const auto found = std::ranges::find(shape.fields, field, &schema::TypedName::name);
    if (field.empty() || found != shape.fields.end()) continue;
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--map {}={}: the collection has no such field", column, field));
  }
  MR_TRY(auto bytes, ByteReader::Open(file));
  if (IsNdjson(file)) {
    return std::make_unique<NdjsonImport>(std::move(bytes), shape, rules);
  }
  auto csv = std::make_unique<CsvImport>(CsvReader(std::move(bytes)), shape, rules);
  if (auto header = csv->ReadHeader(); !header) {
    return Fail(std::move(header.error()).During(file.string()));
  }
  return csv;
}

Result<std::uint64_t> HashOfFile(const std::filesystem::path& path) {
  MR_TRY(const auto file, File::OpenRead(path));
  std::vector<char> buffer(1u << 20u);
  std::uint64_t hash = 0;
  for (std::uint64_t at = 0;;) {
    MR_TRY(const auto got, file.ReadAt(at, buffer.data(), buffer.size()));
    if (got == 0) return hash;
    hash = Hash64({buffer.data(), got}, hash);
    at += got;
  }
}

}  // namespace millrace::app
