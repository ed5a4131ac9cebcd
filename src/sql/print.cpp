#include "sql/print.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace millrace::sql {
namespace {

using schema::Kind;

constexpr std::size_t kWriteBytes = 32u << 10u;
constexpr std::size_t kRowsForWidths = 1000;
constexpr std::size_t kCellWidth = 48;

bool Numeric(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kBigint || kind == Kind::kDouble ||
         kind == Kind::kDecimal;
}

/// The value as plain text.
std::string CellText(const Batch& block, std::size_t column, std::size_t row) {
  if (block.IsNull(column, row)) return "";
  if (block.columns()[column].type.kind == Kind::kText) {
    return std::string(block.Text(column, row));
  }
  std::string json;
  block.AppendJson(json, column, row);
  // All other types that are JSON strings need no escapes.
  const bool quoted = block.columns()[column].type.kind != Kind::kJson && json[0] == '"';
  return quoted ? json.substr(1, json.size() - 2) : json;
}

void AppendCsv(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

/// In code points: near enough to columns of a terminal.
std::size_t WidthOfText(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !Continues(c); }));
}

/// One line, at most kCellWidth wide.
std::string TableCell(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (WidthOfText(text) <= kCellWidth) return text;
  std::size_t at = 0;
  for (std::size_t points = 0; points < kCellWidth; ++at) points += !Continues(text[at]);
  // `at` is behind the first byte of the last code point that would fit.
  return text.substr(0, at - 1) + "…";
}

void AppendTableLine(std::string& out, const std::vector<std::string>& cells,
                     const std::vector<std::size_t>& widths,
                     const schema::Columns& columns) {
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::size_t width = WidthOfText(cells[c]);
    const std::string space(widths[c] > width ? widths[c] - width : 0, ' ');
    const bool last = c + 1 == cells.size();
    if (Numeric(columns[c].type.kind)) {
      out += space + cells[c];
    } else {
      out += cells[c] + (last ? "" : space);
    }
    if (!last) out += "  ";
  }
  out += '\n';
}

}  // namespace

Result<Format> ParseFormat(std::string_view name) {
  if (name == "table") return Format::kTable;
  if (name == "csv") return Format::kCsv;
  if (name == "json") return Format::kJson;
  if (name == "ndjson") return Format::kNdjson;
  return Fail(ErrorCode::kInvalidArgument, "format '" + std::string(name.substr(0, 32)) +
                                               "': table, csv, json and ndjson exist");
}

Printer::Printer(Format format, std::function<void(std::string_view)> write)
    : format_(format), write_(std::move(write)) {}

void Printer::Begin(const Batch& block) {
  started_ = true;
  columns_ = block.columns();
  if (format_ != Format::kCsv) return;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (c > 0) out_ += ',';
    AppendCsv(out_, columns_[c].name);
  }
  out_ += '\n';
}

void Printer::AddJsonRow(const Batch& block, std::size_t row) {
  if (format_ == Format::kJson) out_ += rows_ == 0 ? "[" : ",\n ";
  out_ += '{';
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (c > 0) out_ += ',';
    AppendJsonKey(out_, columns_[c].name);
    if (columns_[c].type.kind == Kind::kDecimal && !block.IsNull(c, row)) {
      out_ += CellText(block, c, row);
    } else {
      block.AppendJson(out_, c, row);
    }
  }
  out_ += format_ == Format::kJson ? "}" : "}\n";
}

void Printer::AddCsvRow(const Batch& block, std::size_t row) {
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (c > 0) out_ += ',';
    if (!block.IsNull(c, row)) AppendCsv(out_, CellText(block, c, row));
  }
  out_ += '\n';
}

void Printer::AddTableRow(const Batch& block, std::size_t row) {
  std::vector<std::string> cells;
  cells.reserve(columns_.size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    cells.push_back(TableCell(CellText(block, c, row)));
  }
  if (widths_.empty()) {
    cells_.push_back(std::move(cells));
    if (cells_.size() == kRowsForWidths) FlushTable();
  } else {
    AppendTableLine(out_, cells, widths_, columns_);
  }
}

void Printer::FlushTable() {
  std::vector<std::string> names;
  for (const auto& column : columns_) {
    names.push_back(TableCell(column.name));
    widths_.push_back(WidthOfText(names.back()));
  }
  for (const auto& cells : cells_) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      widths_[c] = std::max(widths_[c], WidthOfText(cells[c]));
    }
  }
  AppendTableLine(out_, names, widths_, columns_);
  for (std::size_t c = 0; c < widths_.size(); ++c) {
    out_ += (c > 0 ? "  " : "") + std::string(widths_[c], '-');
  }
  out_ += '\n';
  for (const auto& cells : cells_) AppendTableLine(out_, cells, widths_, columns_);
  cells_.clear();
}

void Printer::Flush(std::size_t limit) {
  if (out_.size() <= limit) return;
  write_(out_);
  out_.clear();
}

void Printer::Add(const Batch& block) {
  if (!started_) Begin(block);
  for (std::size_t row = 0; row < block.rows(); ++row, ++rows_) {
    switch (format_) {
      case Format::kTable:
        AddTableRow(block, row);
        break;
      case Format::kCsv:
        AddCsvRow(block, row);
        break;
      case Format::kJson:
      case Format::kNdjson:
        AddJsonRow(block, row);
        break;
    }
    Flush(kWriteBytes);
  }
}

void Printer::Finish() {
  if (format_ == Format::kJson) out_ += rows_ == 0 ? "[]\n" : "]\n";
  if (format_ == Format::kTable) {
    if (started_ && widths_.empty()) FlushTable();
    out_ += "(" + std::to_string(rows_) + (rows_ == 1 ? " row)\n" : " rows)\n");
  }
  Flush(0);
}

}  // namespace millrace::sql
