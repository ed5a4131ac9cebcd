#include "column_rules.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "text.hpp"

namespace millrace::pipeline {
namespace {

using project::SinkColumn;

class Rules {
 public:
  Rules(const std::vector<std::string>& outputs, CompiledSink& sink)
      : outputs_(outputs), sink_(sink) {}

  /// The output of that name, ignoring case; a problem where there is none.
  const std::string* Find(const project::PlacedName& name) {
    for (const auto& output : outputs_) {
      if (Lower(output) == Lower(name.text)) return &output;
    }
    const std::vector<std::string_view> known(outputs_.begin(), outputs_.end());
    const auto near = NearMiss(name.text, known.data(), known.size());
    problems_.emplace_back(
        name.place,
        "the SQL has no column " + name.text +
            (near.empty() ? std::string() : "; did you mean " + std::string(near) + "?"));
    return nullptr;
  }
  void Refuse(const project::Place& place, std::string what) {
    problems_.emplace_back(place, std::move(what));
  }
  std::vector<std::string> FindAll(const std::vector<project::PlacedName>& names) {
    std::vector<std::string> found;
    for (const auto& name : names) {
      if (const auto* output = Find(name)) found.push_back(*output);
    }
    return found;
  }

  void Add(const SinkColumn& column, const std::string& output) {
    const auto name = sql::QuoteName(output);
    if (column.not_null) Break(output + ": must not be null", name + " IS NULL");
    if (!column.type) return;
    const auto cast = "TRY_CAST(" + name + " AS " + column.type->ToSql() + ")";
    const auto rule = output + ": does not fit " + column.type_text;
    if (column.type->kind != schema::Kind::kText) {
      Break(rule, name + " IS NOT NULL AND " + cast + " IS NULL");
    }
    if (column.max_length) {
      Break(rule, "length(" + cast + ") > " + std::to_string(*column.max_length));
    }
    casts_.emplace_back(output, cast);
  }

  /// One SELECT around the other, so that no expression is computed twice.
  std::vector<PlacedProblem> Finish() && {
    if (sink_.column_rules.empty()) return std::move(problems_);
    std::string text = "SELECT ";
    for (const auto& output : outputs_) {
      const auto cast =
          std::ranges::find(casts_, output, &std::pair<std::string, std::string>::first);
      const auto name = sql::QuoteName(output);
      text += (cast == casts_.end() ? name : cast->second) + " AS " + name + ", ";
    }
    const bool marks = std::ranges::find(outputs_, "_deleted") != outputs_.end();
    text += "\"_offset\", \"_version\", CASE ";
    if (marks) text += "WHEN \"_deleted\" THEN NULL ";
    sink_.select = text + cases_ + "END AS \"_broken\" FROM (" + sink_.select + ")";
    return std::move(problems_);
  }

 private:
  void Break(std::string rule, const std::string& condition) {
    cases_ += "WHEN " + condition + " THEN " + std::to_string(sink_.column_rules.size()) +
              "::INTEGER ";
    sink_.column_rules.push_back(std::move(rule));
  }

  const std::vector<std::string>& outputs_;
  CompiledSink& sink_;
  std::vector<PlacedProblem> problems_;
  std::vector<std::pair<std::string, std::string>> casts_;  ///< output, expression
  std::string cases_;
};

/// Tombstones have the key as the collection has it.
bool FitsKey(const SinkColumn& column, const schema::Collection& collection) {
  return !column.type || *column.type == collection.key_field().type;
}

}  // namespace

std::vector<PlacedProblem> AddColumnRules(const project::TableSink& table,
                                          const std::vector<std::string>& outputs,
                                          const schema::Collection& collection,
                                          CompiledSink& sink) {
  Rules rules(outputs, sink);
  for (const auto& column : table.columns) {
    const auto* output = rules.Find({column.name, column.place});
    if (output == nullptr) continue;
    if (Lower(*output) == Lower(sink.key) && !FitsKey(column, collection)) {
      rules.Refuse(column.place, "the key " + *output + " is " +
                                     collection.key_field().type.ToString() +
                                     " in the collection, and cannot be " +
                                     column.type_text);
    }
    rules.Add(column, *output);
  }
  sink.insert_only = rules.FindAll(table.insert_only);
  for (const auto& name : table.insert_only) {
    if (Lower(name.text) == Lower(sink.key)) {
      rules.Refuse(name.place, "the key " + name.text + " never changes: leave it out");
    }
  }
  for (const auto& index : table.indexes) sink.indexes.push_back(rules.FindAll(index));
  return std::move(rules).Finish();
}

}  // namespace millrace::pipeline
