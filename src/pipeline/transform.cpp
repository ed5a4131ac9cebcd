#include "transform.hpp"

#include <algorithm>

#include "sql_tree.hpp"

namespace millrace::pipeline {
namespace {

/// Rows whose reason is found by running them alone; the others of a batch share one.
constexpr std::size_t kExplained = 64;

/// Says something about a row, not about the machine.
bool IsRowError(const Error& error) {
  return error.code() == ErrorCode::kInvalidArgument;
}

Offset OffsetOf(const sql::Batch& input, std::uint32_t row) {
  return static_cast<Offset>(input.Int64(0, row));  // `_offset` is the first column
}

sql::Batch Without(const sql::Batch& input, const std::vector<std::uint32_t>& rows) {
  std::vector<std::uint32_t> rest;
  auto skip = rows.begin();
  for (std::uint32_t row = 0; row < input.rows(); ++row) {
    if (skip != rows.end() && *skip == row) {
      ++skip;
    } else {
      rest.push_back(row);
    }
  }
  return input.Select(rest);
}

/// Rows of `input` with the offsets in column 0 of `found`, ascending.
std::vector<std::uint32_t> RowsOf(const sql::Batch& input, const sql::Batch& found) {
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < found.rows(); ++i) {
    std::uint32_t low = 0;
    auto high = static_cast<std::uint32_t>(input.rows());
    const auto offset = static_cast<Offset>(found.Int64(0, i));
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (OffsetOf(input, middle) < offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    rows.push_back(low);
  }
  std::ranges::sort(rows);
  return rows;
}

}  // namespace

Result<std::unique_ptr<Transform>> Transform::Open(const CompiledPipeline& pipeline,
                                                   const CompiledSink& sink,
                                                   sql::Engine& engine) {
  std::unique_ptr<Transform> made(new Transform(pipeline, sink));
  MR_TRY(made->session_, engine.Connect());
  MR_CHECK_OK(made->session_->AddRelation(kRelation, pipeline.InputColumns()));
  MR_TRY(made->select_, made->session_->Prepare(sink.select));
  if (!pipeline.failing_rules.empty()) {
    MR_TRY(made->rules_, made->session_->Prepare(pipeline.failing_rules));
  }
  return made;
}

Result<sql::Batch> Transform::Execute(sql::Statement& statement,
                                      const sql::Batch& input) {
  session_->SetRelation(kRelation, &input);
  auto rows = statement.Execute();
  session_->SetRelation(kRelation, nullptr);
  return rows;
}

Result<Transformed> Transform::Run(sql::Batch input) {
  Transformed out;
  if (rules_) MR_CHECK_OK(CheckRules(input, out.failed));
  auto rows = Execute(*select_, input);
  if (!rows && IsRowError(rows.error())) {
    rows = RunAround(std::move(input), out.failed);
  }
  if (!rows) return std::unexpected(std::move(rows).error());
  out.rows = std::move(*rows);
  CheckColumns(out);
  return out;
}

/// What the rules of the sink's columns refuse leaves the rows.
void Transform::CheckColumns(Transformed& out) const {
  if (sink_.column_rules.empty()) return;
  const auto broken = out.rows.columns().size() - 1;  // `_broken` is the last column
  const auto offset = static_cast<std::size_t>(out.rows.Find("_offset"));
  Selection kept;
  for (std::uint32_t row = 0; row < out.rows.rows(); ++row) {
    if (out.rows.IsNull(broken, row)) {
      kept.push_back(row);
      continue;
    }
    const auto rule = static_cast<std::size_t>(out.rows.Int64(broken, row));
    out.failed.push_back({static_cast<Offset>(out.rows.Int64(offset, row)), "sink",
                          sink_.column_rules.at(rule)});
  }
  if (kept.size() < out.rows.rows()) out.rows = out.rows.Select(kept);
}

Status Transform::CheckRules(sql::Batch& input, std::vector<FailedRow>& failed) {
  auto found = Execute(*rules_, input);
  if (!found && IsRowError(found.error())) {
    MR_CHECK_OK(FindBrokenRules(input, failed));
    found = Execute(*rules_, input);
  }
  if (!found) return std::unexpected(std::move(found).error());
  if (found->rows() == 0) return {};
  for (std::size_t row = 0; row < found->rows(); ++row) {
    std::string reason;
    for (std::size_t rule = 0; rule < pipeline_.rules.size(); ++rule) {
      if (found->Int64(rule + 1, row) != 0) continue;
      reason += (reason.empty() ? "failed: " : "; ") + pipeline_.rules[rule];
    }
    failed.push_back(
        {static_cast<Offset>(found->Int64(0, row)), "require", std::move(reason)});
  }
  input = Without(input, RowsOf(input, *found));
  return {};
}

Status Transform::FindBrokenRules(sql::Batch& input, std::vector<FailedRow>& failed) {
  bool dropped = false;
  if (!pipeline_.broken_rules.empty()) {
    MR_TRY(dropped,
           DropProbed(pipeline_.broken_rules, *rules_, "require", input, failed));
  }
  if (dropped) {
    const auto again = Execute(*rules_, input);
    if (again || !IsRowError(again.error())) return {};
  }
  return DropByHalving(*rules_, "require", input, failed);
}

Status Transform::DropByHalving(sql::Statement& statement, const char* stage,
                                sql::Batch& input, std::vector<FailedRow>& failed) {
  std::vector<FailedRow> halved;
  MR_CHECK_OK(Halve(statement, input, 0, static_cast<std::uint32_t>(input.rows()), stage,
                    halved));
  Selection rows;
  std::uint32_t at = 0;
  for (const FailedRow& row : halved) {  // ascending, as the input
    while (OffsetOf(input, at) != row.offset) ++at;
    rows.push_back(at);
  }
  input = Without(input, rows);
  failed.insert(failed.end(), halved.begin(), halved.end());
  return {};
}

Result<sql::Batch> Transform::RunAround(sql::Batch input,
                                        std::vector<FailedRow>& failed) {
  for (const std::string& probe : {sink_.failing_filter, sink_.failing_output}) {
    if (probe.empty()) continue;
    MR_TRY(const bool probed, DropProbed(probe, *select_, "sql", input, failed));
    if (!probed) break;
  }
  auto rows = Execute(*select_, input);
  if (rows || !IsRowError(rows.error())) return rows;
  MR_CHECK_OK(DropByHalving(*select_, "sql", input, failed));
  return Execute(*select_, input);
}

Result<bool> Transform::DropProbed(const std::string& probe, sql::Statement& statement,
                                   const char* stage, sql::Batch& input,
                                   std::vector<FailedRow>& failed) {
  MR_TRY(auto prepared, session_->Prepare(probe));
  auto found = Execute(prepared, input);
  if (!found) {
    if (IsRowError(found.error())) return false;
    return std::unexpected(std::move(found).error());
  }
  if (found->rows() == 0) return true;
  const Selection rows = RowsOf(input, *found);
  Explain(statement, input, rows, stage, failed);
  input = Without(input, rows);
  return true;
}

void Transform::Explain(sql::Statement& statement, const sql::Batch& input,
                        Selection rows, const char* stage,
                        std::vector<FailedRow>& failed) {
  std::string reason = "the SQL cannot be computed for this row";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i < kExplained) {
      const sql::Batch one = input.Select({rows[i]});
      const auto result = Execute(statement, one);
      if (!result && IsRowError(result.error())) {
        reason = FirstLine(result.error().message());
      }
    } else if (i == kExplained) {
      reason.insert(0, "one of many rows of a batch that fail; the last one said: ");
    }
    failed.push_back({OffsetOf(input, rows[i]), stage, reason});
  }
}

Status Transform::Halve(sql::Statement& statement, const sql::Batch& input,
                        std::uint32_t from, std::uint32_t to, const char* stage,
                        std::vector<FailedRow>& failed) {
  if (from >= to) return {};
  Selection range;
  for (std::uint32_t row = from; row < to; ++row) range.push_back(row);
  const sql::Batch part = input.Select(range);
  const auto result = Execute(statement, part);
  if (result) return {};
  if (!IsRowError(result.error())) return std::unexpected(result.error());
  if (to - from == 1) {
    failed.push_back({OffsetOf(input, from), stage, FirstLine(result.error().message())});
    return {};
  }
  const std::uint32_t middle = from + (to - from) / 2;
  MR_CHECK_OK(Halve(statement, input, from, middle, stage, failed));
  return Halve(statement, input, middle, to, stage, failed);
}

}  // namespace millrace::pipeline
