#include "table_sums.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::minutes kWithin{10};
constexpr std::size_t kMostItems = 1'000'000;
/// Before the document's columns in the select.
constexpr std::size_t kOwnColumns = 4;
enum : std::size_t { kNext = 0, kRedriven = 1, kVersion = 2, kKey = 3 };

/// The positions in the stream of changes and in that of redriven events, in the
/// statement's own snapshot.
Result<std::string> SelectNext(warehouse::Warehouse& warehouse,
                               const std::string& table) {
  bool partitioned = false;
  MR_CHECK_OK(warehouse.Query(
      "SELECT 1 FROM duckdb_columns() WHERE table_name = '_mr_positions' AND "
      "column_name = 'partition'",
      Deadline::After(kWithin), [&](const sql::Batch& block) {
        partitioned = partitioned || block.rows() > 0;
        return true;
      }));
  const auto changes = "(SELECT next_offset FROM _mr._mr_positions WHERE \"table\" = " +
                       sql::QuoteText(table);
  if (!partitioned) return changes + "), NULL::BIGINT";
  return changes + " AND partition = 0), " + changes + " AND partition = 1)";
}

Result<std::string> KeyColumn(warehouse::Warehouse& warehouse, const std::string& table) {
  MR_TRY(const auto tables, warehouse.Tables());
  for (const auto& info : tables) {
    if (info.name == table) return info.key;
  }
  return Fail(ErrorCode::kNotFound, "no table " + table);
}

void TakeNext(const sql::Batch& block, std::size_t row, TableAnswer& answer) {
  if (!block.IsNull(kNext, row)) {
    answer.next = static_cast<Offset>(block.Int64(kNext, row));
  }
  if (!block.IsNull(kRedriven, row)) {
    answer.redriven = static_cast<Offset>(block.Int64(kRedriven, row));
  }
}

class Adder {
 public:
  Adder(const TableQuestion& question, TableAnswer& answer)
      : question_(question), answer_(answer) {
    answer_.slices.resize(question.bounds.size() + 1);
  }

  Status Add(const sql::Batch& block, std::size_t row) {
    TakeNext(block, row, answer_);
    literal_.clear();
    block.AppendJson(literal_, kKey, row);
    if (std::ranges::binary_search(question_.without, KeyHash(literal_))) return {};
    MR_TRY(const auto version, Version::Parse(block.Text(kVersion, row)));
    if (columns_.empty()) columns_ = ColumnsFrom(block, kOwnColumns);
    const auto hash = HashColumns(block, row, columns_);
    const RowItem item{question_.by_ordinal ? version.ordinal : version.position,
                       hash.value()};
    const auto slice = std::ranges::lower_bound(question_.bounds, version.position) -
                       question_.bounds.begin();
    answer_.slices[static_cast<std::size_t>(slice)].AddState(hash);
    const auto& list = question_.list;
    if (list && version.position > list->first && version.position <= list->second &&
        answer_.items.size() < kMostItems) {
      answer_.items.push_back(item);
    }
    return {};
  }

 private:
  const TableQuestion& question_;
  TableAnswer& answer_;
  std::vector<std::size_t> columns_;
  std::string literal_;
};

/// An empty table gives no row that would say where it stands.
Result<TableAnswer> AnswerOfEmpty(warehouse::Warehouse& warehouse,
                                  const std::string& next, const std::string& table,
                                  TableAnswer answer, bool& empty) {
  MR_CHECK_OK(warehouse.Query(
      "SELECT " + next + ", (SELECT count(*) FROM " + sql::QuoteName(table) + ")",
      Deadline::After(kWithin), [&](const sql::Batch& block) {
        if (block.rows() == 0) return true;
        TakeNext(block, 0, answer);
        empty = block.Int64(kVersion, 0) == 0;
        return true;
      }));
  return answer;
}

}  // namespace

change::RowHash HashColumns(const sql::Batch& block, std::size_t row,
                            const std::vector<std::size_t>& columns) {
  change::RowHash hash;
  std::string member;
  for (const auto column : columns) {
    member.clear();
    AppendJsonKey(member, block.columns()[column].name);
    block.AppendJson(member, column, row);
    hash.Add(member);
  }
  return hash;
}

std::vector<std::size_t> ColumnsFrom(const sql::Batch& block, std::size_t first) {
  std::vector<std::size_t> columns;
  for (auto i = first; i < block.columns().size(); ++i) columns.push_back(i);
  return columns;
}

std::uint64_t KeyHash(std::string_view literal) {
  if (literal.starts_with('"')) return Hash64(literal);
  return Hash64('"' + std::string(literal) + '"');
}

Result<TableAnswer> AskTable(warehouse::Warehouse& warehouse,
                             const TableQuestion& question) {
  MR_TRY(const auto key, KeyColumn(warehouse, question.table));
  MR_TRY(const auto next, SelectNext(warehouse, question.table));
  std::string select =
      "SELECT " + next + ", _version AS _v, " + sql::QuoteName(key) + " AS _key";
  for (const auto& column : question.columns) select += ", " + sql::QuoteName(column);
  select += " FROM " + sql::QuoteName(question.table);
  // Rows that came between the two looks at an empty table: look again.
  for (bool empty = false;;) {
    TableAnswer answer;
    Adder adder(question, answer);
    Status added;
    bool any = false;
    MR_CHECK_OK(
        warehouse.Query(select, Deadline::After(kWithin), [&](const sql::Batch& block) {
          for (std::size_t row = 0; row < block.rows() && added; ++row) {
            any = true;
            added = adder.Add(block, row);
          }
          return added.has_value();
        }));
    MR_CHECK_OK(added);
    if (any) return answer;
    MR_TRY(answer,
           AnswerOfEmpty(warehouse, next, question.table, std::move(answer), empty));
    if (empty) return answer;
  }
}

}  // namespace millrace::app
