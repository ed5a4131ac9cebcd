#include "compile_sink.hpp"

#include <set>

#include "text.hpp"

namespace millrace::pipeline {
namespace {

using From = InputColumn::From;

constexpr std::string_view kOffset = "\"_offset\"";
constexpr std::string_view kVersion = "\"_version\"";

/// The outputs that stay, without the user's `_offset` and `_version`.
std::vector<SelectParts::Output> TakeOutputs(const SelectParts& parts, CompiledSink& sink,
                                             std::vector<SqlProblem>& problems) {
  std::vector<SelectParts::Output> kept;
  std::set<std::string> names;
  for (const SelectParts::Output& output : parts.outputs) {
    const std::string name = Lower(output.name);
    const bool offset = name == "_offset";
    const bool version = name == "_version";
    if (!names.insert(name).second) {
      problems.push_back({output.at, "two columns are named " + output.name +
                                         " (names are equal ignoring case)"});
    } else if ((offset && output.text != kOffset) ||
               (version && output.text != kVersion)) {
      problems.push_back({output.at, name + " can only be the change's own " + name});
    } else if (name == "_deleted") {
      problems.push_back({output.at, "_deleted is made by on_delete: mark"});
    } else if (offset || version) {
      (offset ? sink.selects_offset : sink.selects_version) = true;
    } else {
      kept.push_back(output);
    }
  }
  if (kept.empty()) {
    problems.push_back({parts.outputs.empty() ? 0 : parts.outputs[0].at,
                        "expected at least one column"});
  }
  return kept;
}

void CheckKey(CompiledSink& sink, const std::vector<SelectParts::Output>& outputs,
              const schema::Collection& collection, std::vector<SqlProblem>& problems) {
  for (const SelectParts::Output& output : outputs) {
    if (Lower(output.name) != Lower(sink.key)) continue;
    if (output.text == sql::QuoteName(collection.key)) {
      sink.key = output.name;
      return;
    }
    problems.push_back({output.at, "the key " + sink.key + " of " + sink.name +
                                       " must be the collection's key " + collection.key +
                                       ", passed through as it is"});
    return;
  }
  problems.push_back(
      {kNoPosition,
       "the SQL has no column " + sink.key + ", which is the key of " + sink.name +
           "; add " + collection.key +
           (Lower(collection.key) == Lower(sink.key) ? "" : " AS " + sink.key)});
}

std::string Condition(const SelectParts& parts) {
  std::string text = parts.where.empty() ? "" : "(" + parts.where + ")";
  for (const std::string& found : parts.found) {
    text += (text.empty() ? "" : " AND ") + found;
  }
  return text;
}

}  // namespace

CompiledSink MakeSink(const project::Sink& sink, const SelectParts& parts,
                      const schema::Collection& collection, InputSet& input,
                      std::vector<SqlProblem>& problems,
                      std::vector<PlacedProblem>& column_problems) {
  CompiledSink made;
  made.name = sink.name;
  const auto* table = std::get_if<project::TableSink>(&sink.target);
  made.is_table = table != nullptr;
  made.filter_reads_now = parts.filter_reads_now;
  auto outputs = TakeOutputs(parts, made, problems);
  if (table != nullptr) {
    made.key = table->key;
    made.on_delete = table->on_delete;
    made.takes_deletes = table->on_delete == project::OnDelete::kMark;
    CheckKey(made, outputs, collection, problems);
    if (made.takes_deletes) {
      const InputColumn op{From::kOp, 0, 0, "_op",
                           schema::Type::Simple(schema::Kind::kText)};
      outputs.push_back({"_deleted", "(" + sql::QuoteName(input.Use(op, "")) + " = 'd')",
                         0, false, false});
    }
  }
  std::string columns, packed;
  for (const SelectParts::Output& output : outputs) {
    if (output.reads_now) made.read_now.push_back(output.name);
    const std::string name = sql::QuoteName(output.name);
    columns += output.text + " AS " + name + ", ";
    // TRY goes row by row where there is an error: the less it packs the better.
    if (output.computed) {
      packed += (packed.empty() ? "" : ", ") + name + " := " + output.text;
    }
  }
  const std::string from = std::string(" FROM ") + kRelation;
  const std::string condition = Condition(parts);
  const std::string where = condition.empty() ? "" : " WHERE " + condition;
  made.has_version = made.is_table || made.selects_version;
  if (made.has_version) input.UseVersion();
  made.select = "SELECT " + columns + "\"_offset\" AS \"_offset\"" +
                (made.has_version ? ", \"_version\" AS \"_version\"" : "") + from + where;
  const std::string offsets = "SELECT \"_offset\"" + from + " WHERE ";
  if (!parts.where.empty()) {
    made.failing_filter =
        offsets + "try(struct_pack(w := (" + parts.where + "))) IS NULL";
  }
  if (!packed.empty()) {
    made.failing_output = offsets + (condition.empty() ? "" : condition + " AND ") +
                          "try(struct_pack(" + packed + ")) IS NULL";
  }
  if (table != nullptr) {
    std::vector<std::string> names;
    for (const auto& output : outputs) names.push_back(output.name);
    column_problems = AddColumnRules(*table, names, collection, made);
  }
  return made;
}

Status PrepareSink(sql::Session& relation, CompiledSink& sink) {
  auto prepared = relation.Prepare(sink.select);
  if (!prepared) {
    const bool aggregate =
        prepared.error().message().find("GROUP BY") != std::string::npos;
    if (!aggregate) return std::unexpected(prepared.error());
    return Fail(ErrorCode::kInvalidArgument,
                "aggregates are over many changes; they belong into a model");
  }
  sink.output = prepared->columns();
  const std::size_t ours =
      1 + (sink.has_version ? 1 : 0) + (sink.column_rules.empty() ? 0 : 1);
  sink.output.resize(sink.output.size() - ours);
  for (std::string* probe : {&sink.failing_filter, &sink.failing_output}) {
    if (!probe->empty() && !relation.Prepare(*probe)) probe->clear();
  }
  return {};
}

}  // namespace millrace::pipeline
