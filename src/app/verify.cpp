#include "verify.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "change/envelope.hpp"
#include "data_access.hpp"
#include "data_directory.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "pipeline/state_db.hpp"
#include "records_embedded/embedded_records.hpp"
#include "sql/engine.hpp"

namespace millrace::app {
namespace {

using change::RowHash;
using change::Sum;

constexpr std::uint32_t kReadRecords = 10'000;
constexpr std::uint64_t kReadBytes = 8u << 20u;

/// The newest change of each key: what the state is according to a history.
class NewestPerKey {
 public:
  void Add(std::string_view key, const Version& version, bool deleted, RowHash state) {
    auto& entry = entries_[Hash64(key)];
    if (entry.version > version) return;
    entry = {version, state.value(), deleted};
  }
  Sum Total() const {
    Sum sum;
    for (const auto& [key, entry] : entries_) {
      if (entry.deleted) continue;
      ++sum.rows;
      sum.hash += Hash64("state", entry.state);
    }
    return sum;
  }

 private:
  struct Entry {
    Version version;
    std::uint64_t state = 0;
    bool deleted = false;
  };
  std::unordered_map<std::uint64_t, Entry> entries_;
};

std::vector<std::string> MemberNames(std::string_view document) {
  std::vector<std::string> names;
  change::ForEachMember(document, [&names](std::string_view member) {
    names.emplace_back(member.substr(1, member.find('"', 1) - 1));
  });
  return names;
}

struct LogView {
  Sum history;
  Sum state;
  bool whole = true;                 ///< retention has dropped nothing
  std::vector<std::string> columns;  ///< of the newest image
  std::size_t key_column = 0;        ///< among them
};

/// Finds out which member of the documents is the key: the one that equals the event's
/// key in every event looked at.
class KeyFinder {
 public:
  void Look(const change::Event& event) {
    std::vector<std::string> equal;
    change::ForEachMember(event.image(), [&](std::string_view member) {
      const auto colon = member.find("\":");
      const auto literal = member.substr(colon + 2);
      if (literal == event.key_json || literal == event.key) {
        equal.emplace_back(member.substr(1, colon - 1));
      }
    });
    if (!candidates_) candidates_ = equal;
    std::erase_if(*candidates_, [&](const std::string& name) {
      return std::ranges::find(equal, name) == equal.end();
    });
  }
  Result<std::size_t> IndexIn(const std::vector<std::string>& columns) const {
    for (std::size_t i = 0; candidates_ && i < columns.size(); ++i) {
      if (std::ranges::find(*candidates_, columns[i]) != candidates_->end()) return i;
    }
    return Fail(ErrorCode::kInternal, "no member of the documents holds the key");
  }

 private:
  std::optional<std::vector<std::string>> candidates_;
};

constexpr std::uint64_t kEventsForKey = 10'000;

Result<LogView> ReadLog(eventlog::EventLog& log, const std::string& collection) {
  LogView view;
  NewestPerKey newest;
  KeyFinder key;
  std::string last_image;
  const StreamId stream{"", collection};
  MR_TRY(const auto info, log.Stream(stream));
  view.whole = info.first == 0;
  for (Offset at = info.first;;) {
    MR_TRY(const auto batch, log.Read(stream, at, kReadRecords, kReadBytes));
    if (batch.empty()) break;
    for (const auto& record : batch.records()) {
      auto event = change::ParseEnvelope(record.body);
      if (!event) {
        return Fail(std::move(event.error())
                        .During(collection + " at " + std::to_string(record.offset)));
      }
      view.history.AddChange(event->source, event->version, event->image());
      newest.Add(event->key_json, event->version, event->op == 'd',
                 change::StateHash(event->image()));
      if (view.history.rows <= kEventsForKey) key.Look(*event);
    }
    const auto last = change::ParseEnvelope(batch.records().back().body);
    last_image = last->image();
    at = batch.next();
  }
  view.state = newest.Total();
  view.columns = MemberNames(last_image);
  if (view.columns.empty()) return view;
  MR_TRY(view.key_column, key.IndexIn(view.columns));
  return view;
}

/// Columns that a lake must have beside the document's, so that a row is a change.
constexpr std::string_view kChangeColumns[] = {"_id", "_version", "_op"};

/// Adds `"name":literal` of the columns [begin, end) of a row.
RowHash HashRow(const sql::Batch& block, std::size_t row, std::size_t end) {
  RowHash hash;
  std::string member;
  for (std::size_t column = 0; column < end; ++column) {
    member.clear();
    AppendJsonKey(member, block.columns()[column].name);
    block.AppendJson(member, column, row);
    hash.Add(member);
  }
  return hash;
}

struct LakeView {
  Sum history, state;
};

/// Row layout of the query in ReadLake: the document's columns, then _id, _version, _op.
Status AddLakeBlock(const sql::Batch& block, std::size_t document_columns,
                    std::size_t key_column, Sum& history, NewestPerKey& newest) {
  std::string key;
  for (std::size_t row = 0; row < block.rows(); ++row) {
    const auto id = block.Text(document_columns, row);
    MR_TRY(const auto version, Version::Parse(block.Text(document_columns + 1, row)));
    const bool deleted = block.Text(document_columns + 2, row) == "d";
    history.AddChange(id.substr(0, id.find(':')), version,
                      HashRow(block, row, document_columns - 1));
    key.clear();
    block.AppendJson(key, key_column, row);
    newest.Add(key, version, deleted, HashRow(block, row, document_columns));
  }
  return {};
}

Result<LakeView> ReadLake(sql::Session& session, const std::filesystem::path& directory,
                          const std::vector<std::string>& columns,
                          std::size_t key_column) {
  std::string select = "SELECT ";
  for (const auto& column : columns) select += sql::QuoteName(column) + ", ";
  select += "_id, _version, _op FROM read_parquet(" +
            sql::QuoteText((directory / "part-*.parquet").string()) +
            ", union_by_name = true)";
  LakeView view;
  NewestPerKey newest;
  Status added;
  MR_CHECK_OK(session.Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    added = AddLakeBlock(block, columns.size(), key_column, view.history, newest);
    return added.has_value();
  }));
  MR_CHECK_OK(added);
  view.state = newest.Total();
  return view;
}

/// One run over one data directory.
class Verification {
 public:
  explicit Verification(std::filesystem::path data) : paths_{std::move(data)} {}

  Result<Verdict> Run() {
    MR_TRY(access_, DataAccess::Open(paths_.root));
    MR_TRY(records_, records::RecordsReader::Open(paths_.root));
    MR_TRY(log_, eventlog::OpenEmbeddedReadOnly(paths_.log()));
    sql::EngineOptions options;
    options.directories = {paths_.lake()};
    MR_TRY(engine_, sql::Engine::Open(options));
    MR_TRY(session_, engine_->Connect());
    MR_TRY(sums_, records_->Sums());
    auto state =
        pipeline::StateDb::Open(paths_.root, pipeline::StateDb::Access::kReadOnly);
    if (state) {
      MR_TRY(pipelines_, (*state)->Pipelines());
    }
    Verdict verdict;
    MR_TRY(const auto collections, records_->Tables());
    for (const auto& collection : collections) {
      MR_TRY(auto one, VerifyCollection(collection));
      verdict.collections.push_back(std::move(one));
    }
    return verdict;
  }

 private:
  Result<CollectionVerdict> VerifyCollection(const std::string& collection) {
    CollectionVerdict verdict;
    verdict.collection = collection;
    verdict.history.push_back({"records", CommittedSum(collection)});
    MR_TRY(const auto log, ReadLog(*log_, collection));
    if (log.whole) {
      verdict.history.push_back({"log", log.history});
    } else {
      verdict.left_out.push_back("log: retention has dropped its beginning");
    }
    MR_TRY(const auto now, StateOfRecords(collection));
    verdict.state.push_back({"records", now});
    if (log.whole) verdict.state.push_back({"log", log.state});
    for (const auto& pipeline : pipelines_) {
      if (pipeline.stream != collection) continue;
      for (const auto& sink : pipeline.sinks) {
        verdict.dead_letters += sink.dead_letters;
        MR_CHECK_OK(VerifySink(sink.name, log, verdict));
      }
    }
    return verdict;
  }

  Sum CommittedSum(const std::string& collection) const {
    for (const auto& sum : sums_) {
      if (sum.collection == collection) return {sum.changes, sum.hash};
    }
    return {};
  }

  Result<Sum> StateOfRecords(const std::string& collection) {
    Sum sum;
    MR_CHECK_OK(
        records_->Scan(collection, [&](std::string_view, std::string_view document) {
          sum.AddState(document);
          return true;
        }));
    return sum;
  }

  Status VerifySink(const std::string& sink, const LogView& log,
                    CollectionVerdict& verdict) {
    if (log.columns.empty()) return {};
    if (sink.starts_with("table.")) {
      return VerifyTable(sink.substr(6), log.columns, verdict);
    }
    return VerifyLake(sink, log, verdict);
  }

  Status VerifyTable(const std::string& table, const std::vector<std::string>& columns,
                     CollectionVerdict& verdict) {
    auto sum = access_->TableSum(table, columns);
    if (!sum && sum.error().code() == ErrorCode::kInvalidArgument) {
      verdict.left_out.push_back(table + ": not every field is passed through");
      return {};
    }
    MR_CHECK_OK(sum);
    verdict.state.push_back({table, *sum});
    return {};
  }

  Status VerifyLake(const std::string& sink, const LogView& log,
                    CollectionVerdict& verdict) {
    const auto& columns = log.columns;
    MR_TRY(const auto directory, LakeDirectory(sink.substr(5)));
    MR_TRY(const auto has, LakeColumns(directory));
    const auto missing = [&has](std::string_view name) {
      return std::ranges::find(has, name) == has.end();
    };
    if (std::ranges::any_of(columns, missing) ||
        std::ranges::any_of(kChangeColumns, missing)) {
      verdict.left_out.push_back(
          sink + ": not every field and _id, _version, _op are passed through");
      return {};
    }
    MR_TRY(const auto lake, ReadLake(*session_, directory, columns, log.key_column));
    verdict.history.push_back({sink, lake.history});
    verdict.state.push_back({sink, lake.state});
    return {};
  }

  /// "flights_history" → the folder below lake/ whose path with '/' as '_' is that.
  Result<std::filesystem::path> LakeDirectory(const std::string& name) const {
    std::error_code failed;
    std::filesystem::recursive_directory_iterator it(paths_.lake(), failed), end;
    for (; !failed && it != end; it.increment(failed)) {
      if (!it->is_directory()) continue;
      auto relative = it->path().lexically_relative(paths_.lake()).string();
      std::ranges::replace(relative, '/', '_');
      if (relative == name) return it->path();
    }
    return Fail(ErrorCode::kNotFound, "no lake directory for lake." + name);
  }

  Result<std::vector<std::string>> LakeColumns(const std::filesystem::path& directory) {
    MR_TRY(const auto described,
           session_->Query("DESCRIBE SELECT * FROM read_parquet(" +
                           sql::QuoteText((directory / "part-*.parquet").string()) +
                           ", union_by_name = true)"));
    std::vector<std::string> names;
    for (std::size_t row = 0; row < described.rows(); ++row) {
      names.emplace_back(described.Text(0, row));
    }
    return names;
  }

  const DataPaths paths_;
  std::unique_ptr<DataAccess> access_;
  std::unique_ptr<records::RecordsReader> records_;
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<sql::Engine> engine_;
  std::unique_ptr<sql::Session> session_;
  std::vector<records::HistorySum> sums_;
  std::vector<pipeline::StoredPipeline> pipelines_;
};

}  // namespace

Result<Verdict> Verify(const std::filesystem::path& data) {
  return Verification(data).Run();
}

}  // namespace millrace::app
