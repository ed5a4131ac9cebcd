#include "sink_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "access_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

constexpr std::int64_t kMaxRollRows = 1'000'000'000;
constexpr std::uint64_t kMinRollBytes = 64ULL << 10U;
constexpr std::uint64_t kMaxRollBytes = 64ULL << 30U;
constexpr std::int64_t kMinRollMs = 100;
constexpr std::int64_t kMaxRollMs = 24LL * 3600 * 1000;
constexpr std::size_t kMaxPathBytes = 200;

bool IsPathByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '_' || c == '-' || c == '.';
}

std::optional<std::string> ReadPath(const Node* node, Report& report) {
  auto path = ReadText(node, "a path, such as orders_history/", report);
  if (!path) return std::nullopt;
  if (path->ends_with('/')) path->pop_back();
  const auto wrong = WrongWithLakePath(*path);
  if (wrong.empty()) return path;
  report.Add(*node,
             fmt::format("expected a path in the lake, such as orders_history/, got "
                         "{}: {}",
                         Describe(*node), wrong));
  return std::nullopt;
}

void ReadRoll(const Node* node, LakeSink& lake, Report& report) {
  if (node == nullptr) return;
  const Keys keys(*node, "roll", {"rows", "every", "size"}, report);
  if (const auto rows = ReadWhole(keys.Find("rows"), 1, kMaxRollRows, report))
    lake.roll_rows = static_cast<std::uint64_t>(*rows);
  if (const auto every =
          ReadDurationMs(keys.Find("every"), kMinRollMs, kMaxRollMs, report))
    lake.roll_every_ms = *every;
  if (const auto size = ReadSize(keys.Find("size"), kMinRollBytes, kMaxRollBytes, report))
    lake.roll_bytes = *size;
}

std::optional<Sink> ReadLake(const Node& node, std::string_view content, Report& report) {
  const Keys keys(node, "a lake sink",
                  {"path", "format", "compression", "roll", "offset_column", "rules"},
                  report);
  LakeSink lake;
  ReadChoice<bool>(keys.Find("format"), {{"parquet", true}}, report);
  if (const auto compression = ReadChoice<std::string_view>(
          keys.Find("compression"),
          {{"zstd", "zstd"}, {"snappy", "snappy"}, {"none", "none"}}, report))
    lake.compression = *compression;
  ReadRoll(keys.Find("roll"), lake, report);
  if (const auto offsets = ReadFlag(keys.Find("offset_column"), report))
    lake.offset_column = *offsets;
  auto list_rule = ReadTableRule(keys, content, report);
  const auto* path_node = keys.Need("path", "orders_history/");
  const auto path = ReadPath(path_node, report);
  if (!path) return std::nullopt;
  lake.path = *path;
  return Sink{LakeSinkName(*path), std::move(lake), std::move(list_rule),
              report.At(*path_node)};
}

/// "varchar", "varchar(50)", or a type as of a field.
void ReadColumnType(const Node& node, SinkColumn& column, Report& report) {
  const auto text = ReadText(&node, "a type, such as varchar(50)", report);
  if (!text) return;
  column.type_text = *text;
  constexpr std::string_view kVarchar = "varchar";
  auto length = std::string_view(*text);
  if (length.starts_with(kVarchar)) {
    column.type = schema::Type::Simple(schema::Kind::kText);
    length.remove_prefix(kVarchar.size());
    if (length.empty()) return;
    std::uint32_t most = 0;
    const auto* end = length.data() + length.size();
    const bool brackets = length.size() > 2 && length[0] == '(' && length.back() == ')';
    if (brackets) {
      const auto read = std::from_chars(length.data() + 1, end - 1, most);
      if (read.ec == std::errc() && read.ptr == end - 1 && most > 0) {
        column.max_length = most;
        return;
      }
    }
  } else if (auto type = schema::Type::Parse(*text); type && type->scalar()) {
    column.type = std::move(*type);
    return;
  } else if (!type) {
    return report.Add(node, type.error().message());
  }
  report.AddExpected(
      node, "a type of one value, such as varchar(50), decimal(10,2) or timestamp");
}

void ReadColumns(const Node* node, TableSink& table, Report& report) {
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kMapping || node->members.empty()) {
    return report.AddExpected(*node,
                              "columns, such as {amount: {type: \"decimal(10,2)\"}}");
  }
  for (const auto& [key, value] : node->members) {
    SinkColumn column;
    column.name = key.text;
    column.place = report.At(key);
    const Keys keys(value, "a column", {"type", "not_null"}, report);
    if (const auto* type = keys.Find("type")) ReadColumnType(*type, column, report);
    column.not_null = ReadFlag(keys.Find("not_null"), report).value_or(false);
    table.columns.push_back(std::move(column));
  }
}

std::vector<PlacedName> ReadNames(const Node* node, std::string_view what,
                                  Report& report) {
  std::vector<PlacedName> names;
  const auto* items = ReadList(node, what, report);
  if (items == nullptr) return names;
  for (const auto& item : *items) {
    if (auto name = ReadText(&item, "the name of a column", report)) {
      names.push_back({*std::move(name), report.At(item)});
    }
  }
  return names;
}

void ReadIndexes(const Node* node, TableSink& table, Report& report) {
  constexpr std::string_view kWhat = "a list of indexes, such as [[customer_id]]";
  const auto* items = ReadList(node, kWhat, report);
  if (items == nullptr) return;
  for (const auto& item : *items) {
    table.indexes.push_back(
        ReadNames(&item, "an index: a list of columns, such as [customer_id]", report));
    if (item.kind == Node::Kind::kSequence && item.items.empty()) {
      report.AddExpected(item, "at least one column");
    }
  }
}

std::optional<Sink> ReadTable(const Node& node, std::string_view content,
                              Report& report) {
  const Keys keys(
      node, "a table sink",
      {"name", "key", "on_delete", "columns", "insert_only", "indexes", "rules"}, report);
  TableSink table;
  ReadColumns(keys.Find("columns"), table, report);
  table.insert_only = ReadNames(keys.Find("insert_only"),
                                "a list of columns, such as [created_at]", report);
  ReadIndexes(keys.Find("indexes"), table, report);
  if (const auto on_delete = ReadChoice<OnDelete>(keys.Find("on_delete"),
                                                  {{"delete", OnDelete::kDelete},
                                                   {"mark", OnDelete::kMark},
                                                   {"ignore", OnDelete::kIgnore}},
                                                  report))
    table.on_delete = *on_delete;
  auto list_rule = ReadTableRule(keys, content, report);
  const auto* name_node = keys.Need("name", "orders");
  const auto name = ReadName(name_node, "a table name", report);
  const auto key = ReadText(keys.Need("key", "order_id"), "the name of a column", report);
  if (!name || !key) return std::nullopt;
  if (ToLower(*name) == "lake") {
    report.Add(*name_node,
               "lake is where SQL finds the lake's tables: choose another name");
    return std::nullopt;
  }
  if (ToLower(*name) == "dead_letters") {
    report.Add(*name_node,
               "dead_letters is the table of all dead letters: choose another name");
    return std::nullopt;
  }
  table.name = *name;
  table.key = *key;
  return Sink{"table." + *name, std::move(table), std::move(list_rule),
              report.At(*name_node)};
}

}  // namespace

std::string LakeSinkName(std::string_view path) {
  auto name = "lake." + std::string(path);
  std::ranges::replace(name, '/', '_');
  return name;
}

std::string_view WrongWithLakePath(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.front() == '/') return "it must be relative: it lies in the data directory";
  if (path.size() > kMaxPathBytes) return "it is over 200 bytes";
  while (true) {
    const auto segment = path.substr(0, path.find('/'));
    if (segment.empty()) return "a segment is empty";
    if (segment == "." || segment == "..") return ". and .. cannot be segments";
    if (segment.front() == '.' || segment.front() == '_')
      return "what begins with . or _ is hidden from readers of the lake";
    if (!std::ranges::all_of(segment, IsPathByte))
      return "segments are made of letters, digits, _, - and .";
    if (segment.size() == path.size()) return "";
    path.remove_prefix(segment.size() + 1);
  }
}

std::vector<Sink> ReadSinks(const Node& list, std::string_view content, Report& report) {
  std::vector<Sink> sinks;
  constexpr std::string_view kWhat = "a list of sinks, such as [{lake: {path: orders/}}]";
  const auto* items = ReadList(&list, kWhat, report);
  if (items == nullptr) return sinks;
  if (items->empty()) report.AddExpected(list, kWhat);
  for (const auto& item : *items) {
    const Keys keys(item, "a sink", {"table", "lake"}, report);
    const auto* table = keys.Find("table");
    const auto* lake = keys.Find("lake");
    if (item.kind == Node::Kind::kMapping && item.members.size() != 1) {
      report.Add(item, "expected one sink, such as {lake: {path: orders/}}");
      continue;
    }
    std::optional<Sink> sink;
    if (table != nullptr) sink = ReadTable(*table, content, report);
    if (lake != nullptr) sink = ReadLake(*lake, content, report);
    if (sink) sinks.push_back(*std::move(sink));
  }
  return sinks;
}

}  // namespace millrace::project
