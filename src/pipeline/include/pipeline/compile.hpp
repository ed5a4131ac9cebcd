#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "project/project.hpp"
#include "query/rule.hpp"
#include "schema/collection.hpp"
#include "sql/engine.hpp"

namespace millrace::pipeline {

/// A column of the relation that a batch's SQL reads: one row a change, with what the
/// SQL uses of the change and of its lookups (found beforehand, so nothing is joined).
struct InputColumn {
  enum class From : std::uint8_t {
    kField,      ///< `index` of the document's columns
    kBefore,     ///< the before-image, null for inserts
    kOp,         ///< c u d r
    kOperation,  ///< insert update replace delete read
    kTime,       ///< commit time
    kId,         ///< event id
    kOffset,     ///< in the stream
    kVersion,    ///< the change's, 32 hex digits
    kLookup,     ///< `index` of the document's columns of lookup number `lookup`
    kFound,      ///< whether that lookup has a row
    kProcessed,  ///< when its batch is worked on: another time when it is read again
  };
  From from = From::kField;
  std::size_t index = 0;
  std::size_t lookup = 0;
  std::string name;  ///< in the relation
  schema::Type type;
};

/// A lookup that the SQL joins.
struct CompiledLookup {
  std::string name;
  schema::Collection collection;
  /// Document columns of the lookup's collection, and of the change's: equal pairs.
  std::vector<std::pair<std::size_t, std::size_t>> on;
  std::vector<std::size_t> columns;  ///< document columns that the SQL uses, ascending
  bool as_of_now = false;
  std::int64_t wait_ms = 0;
};

/// The SQL as one sink needs it, over the relation kRelation.
struct CompiledSink {
  std::string name;
  bool is_table = false;
  project::OnDelete on_delete = project::OnDelete::kIgnore;  ///< tables only
  std::string key;            ///< tables only: the output column that is the key
  schema::Columns output;     ///< of the rows, without `_offset`, `_version`
  bool takes_deletes = true;  ///< false: deletes never reach the SQL
  /// The user's SQL gives `_offset` (`_version`) himself; it stands at the end all the
  /// same, as the change's own.
  bool selects_offset = false, selects_version = false;
  bool has_version = false;  ///< `select` ends in `_version`: tables, or as selected
  /// Tables only: what `columns:` asks, as sentences ("status: must not be null"). Where
  /// there are any, `select` ends in `_broken`: the number of one that the row breaks, or
  /// null.
  std::vector<std::string> column_rules;
  std::vector<std::string> insert_only;           ///< tables only: output columns
  std::vector<std::vector<std::string>> indexes;  ///< tables only: output columns
  std::optional<query::Rule> list_rule;           ///< who may read rows, over `output`
  std::string select;
  /// Output columns that another run over the same events may give another value: of
  /// `_processed_at`, or of a lookup as of now; and whether these choose the rows, too.
  std::vector<std::string> read_now;
  bool filter_reads_now = false;
  /// Offsets of the rows whose WHERE (output) cannot be computed; empty: it cannot fail,
  /// or cannot be asked.
  std::string failing_filter, failing_output;
};

/// The relation that CompiledSink's statements read.
inline constexpr const char* kRelation = "changes";

struct CompiledPipeline {
  project::Pipeline definition;
  schema::Collection collection;
  std::vector<InputColumn> input;       ///< `_offset` first
  std::vector<CompiledLookup> lookups;  ///< those that the SQL joins
  std::vector<std::string> rules;       ///< as written
  /// `_offset` and one boolean a rule, for rows that fail one; empty: no rules.
  std::string failing_rules;
  std::string broken_rules;         ///< offsets of rows whose rules cannot be computed
  std::vector<CompiledSink> sinks;  ///< as definition.sinks
  std::string hash;  ///< 16 hex digits: equal for definitions that give the same rows

  schema::Columns InputColumns() const;
  /// Stream of the log that it reads.
  const std::string& stream() const {
    return definition.codec.empty() ? collection.name : definition.stream;
  }
};

/// Checks a pipeline as design section "Pipelines" binds and makes it ready to run.
/// Blocks for milliseconds on the engine, of which it takes a session of its own; any
/// thread. Either the whole, or every problem found (at least one) with its place in the
/// file. An engine that fails for other reasons gives one problem with its text.
std::expected<CompiledPipeline, std::vector<project::Problem>> CompilePipeline(
    const project::Pipeline& pipeline,
    const std::map<std::string, schema::Collection, std::less<>>& collections,
    sql::Engine& engine);

}  // namespace millrace::pipeline
