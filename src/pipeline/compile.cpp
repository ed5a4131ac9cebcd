#include "pipeline/compile.hpp"

#include <algorithm>
#include <tuple>

#include "base/bytes.hpp"
#include "change/codec.hpp"
#include "compile_from.hpp"
#include "compile_sink.hpp"
#include "scope.hpp"
#include "sql_tree.hpp"
#include "text.hpp"

namespace millrace::pipeline {
namespace {

using Collections = std::map<std::string, schema::Collection, std::less<>>;

/// One run of CompilePipeline.
class Compiler {
 public:
  Compiler(const project::Pipeline& pipeline, const Collections& collections,
           sql::Engine& engine)
      : pipeline_(pipeline), collections_(collections), engine_(engine) {}

  std::expected<CompiledPipeline, std::vector<project::Problem>> Run();

 private:
  bool Failed() const { return !problems_.empty(); }
  void Report(const project::Place& place, std::string message) {
    problems_.push_back({place.file, place.line, place.column, std::move(message)});
  }
  void Report(const project::SqlText& text, const std::vector<SqlProblem>& found,
              std::size_t prefix = 0);
  void ReportEngine(const project::SqlText& text, std::string_view statement,
                    const Error& error, std::size_t prefix = 0);

  void Connect();
  void ParseSql();
  void PrepareAsWritten();
  void ReadSelectList();
  void ReadWhere();
  void CompileRules();
  void CompileRule(const project::SqlText& rule, std::vector<std::string>& texts);
  void FinishRules(const std::vector<std::string>& texts);
  void CompileSinks();
  void CompileListRules();
  std::string Text(const Tree& expression);
  /// Of an expression over the relation: it has `_processed_at` or a lookup as of now.
  bool ReadsNow(Tree& expression) const;
  std::string Hash() const;

  const project::Pipeline& pipeline_;
  const Collections& collections_;
  sql::Engine& engine_;
  std::unique_ptr<sql::Session> session_;   ///< with the tables as the user sees them
  std::unique_ptr<sql::Session> relation_;  ///< with the relation
  std::vector<project::Problem> problems_;
  Tree select_;
  FromClause from_;
  InputSet input_;
  std::unique_ptr<Scope> scope_;
  std::vector<std::string> names_;  ///< of the output, by the engine
  SelectParts parts_;
  CompiledPipeline out_;
};

void Compiler::Report(const project::SqlText& text, const std::vector<SqlProblem>& found,
                      std::size_t prefix) {
  for (const SqlProblem& problem : found) {
    const bool placed = problem.at != kNoPosition && problem.at >= prefix;
    Report(text.At(placed ? std::min(problem.at - prefix, text.text.size()) : 0),
           problem.message);
  }
}

void Compiler::ReportEngine(const project::SqlText& text, std::string_view statement,
                            const Error& error, std::size_t prefix) {
  Report(text,
         {{PositionInError(statement, error.message()), FirstLine(error.message())}},
         prefix);
}

void Compiler::Connect() {
  auto session = engine_.Connect();
  auto relation = engine_.Connect();
  if (!session || !relation) {
    Report(pipeline_.place, (!session ? session : relation).error().ToString());
    return;
  }
  session_ = std::move(*session);
  relation_ = std::move(*relation);
  out_.definition = pipeline_;
  const auto own = collections_.find(pipeline_.collection);
  if (own == collections_.end()) {
    Report(pipeline_.place, "unknown collection " + pipeline_.collection);
    return;
  }
  out_.collection = own->second;
  if (pipeline_.codec.empty()) return;
  const auto codec = change::MakeCodec(pipeline_.codec, out_.collection);
  if (!codec) Report(pipeline_.place, codec.error().message());
}

void Compiler::ParseSql() {
  auto tree = ParseSelect(*session_, pipeline_.sql.text);
  if (!tree) return Report(pipeline_.sql, {tree.error()});
  select_ = std::move(*tree);
  std::vector<SqlProblem> found;
  CheckSelect(select_, found);
  if (found.empty()) from_ = ReadFrom(select_["from_table"], pipeline_.lookups, found);
  if (found.empty()) {
    std::vector<ScopeTable> tables{ChangesTable(out_.collection, from_.alias)};
    std::vector<std::string> names;
    for (const JoinedLookup& join : from_.joins) {
      const project::Lookup& lookup = pipeline_.lookups[join.lookup];
      const auto its = collections_.find(lookup.collection);
      if (its == collections_.end()) {
        return Report(lookup.place, "unknown collection " + lookup.collection);
      }
      tables.push_back(LookupTable(its->second, names.size(), join.alias));
      names.push_back(lookup.name);
      out_.lookups.push_back(
          {lookup.name, its->second, {}, {}, lookup.as_of_now, lookup.lookup_wait_ms});
    }
    scope_ = std::make_unique<Scope>(std::move(tables), std::move(names), input_);
    for (std::size_t i = 0; i < from_.joins.size(); ++i) {
      CheckJoin(*scope_, from_.joins[i], i + 1, pipeline_.lookups[from_.joins[i].lookup],
                out_.lookups[i], found);
    }
  }
  Report(pipeline_.sql, found);
}

void Compiler::PrepareAsWritten() {
  for (std::size_t i = 0; i < scope_->tables().size(); ++i) {
    const std::string name = i == 0 ? kRelation : out_.lookups[i - 1].name;
    auto added = session_->AddRelation(name, ColumnsOf(scope_->tables()[i]));
    if (!added) return Report(pipeline_.place, added.error().ToString());
  }
  auto prepared = session_->Prepare(pipeline_.sql.text);
  if (!prepared) {
    return ReportEngine(pipeline_.sql, pipeline_.sql.text, prepared.error());
  }
  for (const auto& column : prepared->columns()) names_.push_back(column.name);
}

std::string Compiler::Text(const Tree& expression) {
  if (ClassOf(expression) == "COLUMN_REF" && expression["column_names"].size() == 1) {
    return sql::QuoteName(expression["column_names"][0].get<std::string>());
  }
  auto text = ExpressionText(*relation_, expression);
  if (text) return *text;
  Report(pipeline_.sql, {{PositionOf(expression), FirstLine(text.error().message())}});
  return "NULL";
}

bool Compiler::ReadsNow(Tree& expression) const {
  bool reads = false;
  VisitExpressions(expression, [&](const Tree& node) {
    if (ClassOf(node) != "COLUMN_REF") return true;
    const auto name = node["column_names"][0].get<std::string>();
    const auto column = std::ranges::find(input_.columns(), name, &InputColumn::name);
    if (column == input_.columns().end()) return true;
    const bool of_lookup = column->from == InputColumn::From::kLookup ||
                           column->from == InputColumn::From::kFound;
    reads = reads || column->from == InputColumn::From::kProcessed ||
            (of_lookup && out_.lookups[column->lookup].as_of_now);
    return true;
  });
  return reads;
}

void Compiler::ReadSelectList() {
  std::vector<SqlProblem> found;
  std::vector<Tree> items;
  for (Tree& item : select_["select_list"]) {
    if (ClassOf(item) != "STAR") {
      items.push_back(std::move(item));
      continue;
    }
    if (from_.has_using) {
      found.push_back({PositionOf(item), "* with USING: name the columns, or write ON"});
    }
    for (Tree& one : scope_->ExpandStar(item, found)) items.push_back(std::move(one));
  }
  if (found.empty() && items.size() != names_.size()) {
    found.push_back({kNoPosition,
                     "name the columns: what the engine makes of this list "
                     "cannot be followed"});
  }
  if (!found.empty()) return Report(pipeline_.sql, found);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t at = PositionOf(items[i]);
    scope_->Rewrite(items[i], found);
    scope_->AddAlias(names_[i], items[i]);
    const bool computed =
        ClassOf(items[i]) != "CONSTANT" &&
        (ClassOf(items[i]) != "COLUMN_REF" || items[i]["column_names"].size() > 1);
    const bool reads_now = ReadsNow(items[i]);
    parts_.outputs.push_back({names_[i], Text(items[i]), at, computed, reads_now});
  }
  Report(pipeline_.sql, found);
}

void Compiler::ReadWhere() {
  if (!select_["where_clause"].is_null()) {
    std::vector<SqlProblem> found;
    scope_->Rewrite(select_["where_clause"], found);
    Report(pipeline_.sql, found);
    parts_.filter_reads_now = ReadsNow(select_["where_clause"]);
    parts_.where = Text(select_["where_clause"]);
  }
  for (std::size_t i = 0; i < from_.joins.size(); ++i) {
    if (!from_.joins[i].inner) continue;
    parts_.filter_reads_now |= out_.lookups[i].as_of_now;
    InputColumn column{InputColumn::From::kFound, 0, i, "?found",
                       schema::Type::Simple(schema::Kind::kBoolean)};
    parts_.found.push_back(sql::QuoteName(input_.Use(column, out_.lookups[i].name)));
  }
}

void Compiler::CompileRule(const project::SqlText& rule,
                           std::vector<std::string>& texts) {
  constexpr std::string_view kPrefix = "SELECT (";
  const std::string statement = std::string(kPrefix) + rule.text + "\n) FROM " +
                                kRelation + " AS " + sql::QuoteName(from_.alias);
  auto tree = ParseSelect(*session_, statement);
  if (!tree) return Report(rule, {tree.error()}, kPrefix.size());
  std::vector<SqlProblem> found;
  CheckSelect(*tree, found);
  if (found.empty() && (*tree)["select_list"].size() != 1) {
    found.push_back({kNoPosition, "expected one boolean expression"});
  }
  if (!found.empty()) return Report(rule, found, kPrefix.size());
  auto prepared = session_->Prepare(statement);
  if (!prepared) return ReportEngine(rule, statement, prepared.error(), kPrefix.size());
  const schema::Type type = prepared->columns()[0].type;
  if (prepared->columns().size() != 1 || type.kind != schema::Kind::kBoolean) {
    return Report(rule.start, "expected a boolean expression, found " + type.ToString());
  }
  Scope scope({scope_->tables()[0]}, {}, input_);
  scope.Rewrite((*tree)["select_list"][0], found);
  Report(rule, found, kPrefix.size());
  texts.push_back(Text((*tree)["select_list"][0]));
  out_.rules.push_back(rule.text);
}

void Compiler::CompileRules() {
  if (pipeline_.require.empty()) return;
  std::vector<std::string> texts;
  for (const project::SqlText& rule : pipeline_.require) CompileRule(rule, texts);
  if (!Failed()) FinishRules(texts);
}

void Compiler::FinishRules(const std::vector<std::string>& texts) {
  InputColumn op{InputColumn::From::kOp, 0, 0, "_op",
                 schema::Type::Simple(schema::Kind::kText)};
  const std::string live = sql::QuoteName(input_.Use(op, "")) + " <> 'd'";
  std::string all, columns, packed;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string rule = "((" + texts[i] + ") IS TRUE)";
    all += (i == 0 ? "" : " AND ") + rule;
    columns += ", " + rule + " AS r" + std::to_string(i);
    packed += (i == 0 ? "r" : ", r") + std::to_string(i) + " := " + rule;
  }
  const std::string from = std::string(" FROM ") + kRelation + " WHERE " + live;
  out_.failing_rules = "SELECT \"_offset\"" + columns + from + " AND NOT (" + all + ")";
  out_.broken_rules =
      "SELECT \"_offset\"" + from + " AND try(struct_pack(" + packed + ")) IS NULL";
}

void Compiler::CompileSinks() {
  for (const project::Sink& sink : pipeline_.sinks) {
    std::vector<SqlProblem> found;
    std::vector<PlacedProblem> of_columns;
    out_.sinks.push_back(
        MakeSink(sink, parts_, out_.collection, input_, found, of_columns));
    for (const auto& [place, message] : of_columns) Report(place, message);
    for (const SqlProblem& problem : found) {
      if (problem.at == kNoPosition) {
        Report(sink.place, problem.message);
      } else {
        Report(pipeline_.sql, {problem});
      }
    }
  }
  if (Failed()) return;
  out_.input = input_.columns();
  for (const InputColumn& column : out_.input) {
    if (column.from != InputColumn::From::kLookup) continue;
    out_.lookups[column.lookup].columns.push_back(column.index);
  }
  for (CompiledLookup& lookup : out_.lookups) std::ranges::sort(lookup.columns);
  auto added = relation_->AddRelation(kRelation, out_.InputColumns());
  if (!added) return Report(pipeline_.place, added.error().ToString());
  for (CompiledSink& sink : out_.sinks) {
    if (auto done = PrepareSink(*relation_, sink); !done) {
      Report(pipeline_.sql, {{kNoPosition, FirstLine(done.error().message())}});
    }
  }
  if (!Failed()) CompileListRules();
  if (out_.failing_rules.empty() || Failed()) return;
  auto rules = relation_->Prepare(out_.failing_rules);
  if (!rules) Report(pipeline_.require[0].start, FirstLine(rules.error().message()));
  if (!relation_->Prepare(out_.broken_rules)) out_.broken_rules.clear();
}

void Compiler::CompileListRules() {
  for (std::size_t i = 0; i < out_.sinks.size(); ++i) {
    const auto& text = pipeline_.sinks[i].list_rule;
    if (text.text.empty()) continue;
    auto rule = query::Rule::Parse(text.text, out_.sinks[i].output);
    if (rule) {
      out_.sinks[i].list_rule = *std::move(rule);
      continue;
    }
    for (const auto& problem : rule.error()) {
      Report(text.At(problem.offset), problem.message);
    }
  }
}

std::string Compiler::Hash() const {
  std::string text = "1\n" + pipeline_.collection;
  if (!pipeline_.codec.empty()) text += ' ' + pipeline_.stream + ' ' + pipeline_.codec;
  const auto add = [&text](std::string_view part) { (text += '\n') += part; };
  for (const InputColumn& column : out_.input) add(column.name + column.type.ToSql());
  for (const CompiledLookup& lookup : out_.lookups) {
    add(lookup.collection.name + (lookup.as_of_now ? " now" : ""));
    for (const auto& [left, right] : lookup.on) {
      add(std::to_string(left) + "=" + std::to_string(right));
    }
  }
  add(out_.failing_rules);
  for (const CompiledSink& sink : out_.sinks) {
    add(sink.name + " " + sink.key + std::to_string(static_cast<int>(sink.on_delete)));
    add(sink.select);
    for (const auto& column : sink.insert_only) add("insert_only " + column);
  }
  std::string hex;
  AppendHex(hex, Hash64(text), 16);
  return hex;
}

std::expected<CompiledPipeline, std::vector<project::Problem>> Compiler::Run() {
  using Step = void (Compiler::*)();
  for (const Step step :
       {&Compiler::Connect, &Compiler::ParseSql, &Compiler::PrepareAsWritten,
        &Compiler::ReadSelectList, &Compiler::ReadWhere, &Compiler::CompileRules,
        &Compiler::CompileSinks}) {
    (this->*step)();
    if (Failed()) {
      std::ranges::sort(problems_, {}, [](const project::Problem& problem) {
        return std::tie(problem.line, problem.column, problem.message);
      });
      return std::unexpected(std::move(problems_));
    }
  }
  out_.hash = Hash();
  return std::move(out_);
}

}  // namespace

schema::Columns CompiledPipeline::InputColumns() const {
  schema::Columns columns;
  for (const InputColumn& column : input) columns.push_back({column.name, column.type});
  return columns;
}

std::expected<CompiledPipeline, std::vector<project::Problem>> CompilePipeline(
    const project::Pipeline& pipeline, const Collections& collections,
    sql::Engine& engine) {
  return Compiler(pipeline, collections, engine).Run();
}

}  // namespace millrace::pipeline
