#include "import_reader.hpp"

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
  CsvImport(CsvReader csv, const CollectionShape& shape, std::string null_text)
      : csv_(std::move(csv)), shape_(shape), null_text_(std::move(null_text)) {}

  Status ReadHeader() {
    MR_TRY(auto header, csv_.Next());
    if (!header)
      return Fail(ErrorCode::kInvalidArgument, "the file is empty: no header line");
    if (!header->cells.empty() && header->cells.front().starts_with("\xef\xbb\xbf")) {
      header->cells.front().erase(0, 3);  // byte order mark
    }
    std::vector<FieldError> unknown;
    std::vector<std::string_view> names;
    for (const auto& field : shape_.fields) names.push_back(field.name);
    for (const auto& cell : header->cells) {
      const auto found = std::ranges::find(names, cell);
      if (found == names.end()) unknown.push_back(Unknown(cell, names));
      const auto column = static_cast<std::size_t>(found - names.begin());
      if (std::ranges::find(columns_, column) != columns_.end() && found != names.end()) {
        unknown.push_back({cell, "stands in the header twice"});
      }
      columns_.push_back(column);
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
      const auto& field = shape_.fields[columns_[i]];
      const auto& cell = record.cells[i];
      if (i > 0) row.body += ',';
      AppendJsonKey(row.body, field.name);
      const bool null = (cell.empty() && !record.quoted[i]) ||
                        (!null_text_.empty() && cell == null_text_);
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
  const std::string null_text_;
  std::vector<std::size_t> columns_;  ///< field of each cell
};

class NdjsonImport final : public ImportReader {
 public:
  NdjsonImport(ByteReader bytes, const CollectionShape& shape)
      : bytes_(std::move(bytes)), key_(shape.key) {}

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
      row.key = TextMember(line, key_);
      row.body = std::move(line);
      return row;
    }
  }

 private:
  ByteReader bytes_;
  const std::string key_;
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
    return Fail(ErrorCode::kNotFound, TextMember(response.body, "detail"));
  }
  return ParseCollectionShape(response.body);
}

Result<std::unique_ptr<ImportReader>> ImportReader::Open(
    const std::filesystem::path& file, const CollectionShape& shape,
    const std::string& null_text) {
  MR_TRY(auto bytes, ByteReader::Open(file));
  if (IsNdjson(file)) return std::make_unique<NdjsonImport>(std::move(bytes), shape);
  auto csv = std::make_unique<CsvImport>(CsvReader(std::move(bytes)), shape, null_text);
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
