#include "verify_stores.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace millrace::app {
namespace {

/// Columns that a lake must have beside the document's, so that a row is a change.
constexpr std::string_view kChangeColumns[] = {"_id", "_version", "_op"};
constexpr std::size_t kMostItems = 1'000'000;

/// Of the last member of every document, whatever its collection calls it.
Result<std::uint64_t> PositionOf(std::string_view document) {
  constexpr std::size_t kDigits = 32, kEnd = 2;  // "}
  if (document.size() < kDigits + kEnd) return 0;
  MR_TRY(const auto version,
         Version::Parse(document.substr(document.size() - kDigits - kEnd, kDigits)));
  return version.position;
}

std::string Hex(std::uint64_t value) {
  std::string out = "'";
  AppendHex(out, value, 16);
  return out + '\'';
}

}  // namespace

std::string ReadFiles(const std::vector<std::string>& files) {
  std::string out = "read_parquet([";
  for (std::size_t i = 0; i < files.size(); ++i) {
    out += (i > 0 ? ", " : "") + sql::QuoteText(files[i]);
  }
  return out + "], union_by_name = true, hive_partitioning = false)";
}

Result<std::unique_ptr<VerifyStores>> VerifyStores::Open(
    const std::filesystem::path& data, std::filesystem::path project) {
  std::unique_ptr<VerifyStores> stores(new VerifyStores(data, std::move(project)));
  MR_CHECK_OK(stores->OpenAll());
  return stores;
}

Status VerifyStores::OpenAll() {
  MR_TRY(access_, DataAccess::Open(paths_.root));
  MR_TRY(records_, records::RecordsReader::Open(paths_.root));
  MR_TRY(source_, records_->Source());
  MR_TRY(log_, eventlog::OpenEmbeddedReadOnly(paths_.log()));
  lake_ = std::make_unique<objects::FileObjectStore>(paths_.lake());
  sql::EngineOptions options;
  options.directories = {paths_.lake()};
  MR_TRY(engine_, sql::Engine::Open(options));
  MR_TRY(session_, engine_->Connect());
  auto state = pipeline::StateDb::Open(paths_.root, pipeline::StateDb::Access::kReadOnly);
  if (!state) return {};
  state_ = std::move(*state);
  MR_TRY(pipelines_, state_->Pipelines());
  return {};
}

Result<RecordsMoment> VerifyStores::ReadRecords(TimestampUs width) {
  RecordsMoment moment;
  MR_CHECK_OK(records_->HoldSnapshot(true));
  const auto read = ReadSnapshot(width, moment);
  MR_CHECK_OK(records_->HoldSnapshot(false));
  MR_CHECK_OK(read);
  MR_CHECK_OK(FindTenants(moment));
  return moment;
}

Status VerifyStores::ReadSnapshot(TimestampUs width, RecordsMoment& moment) {
  MR_TRY(moment.end, records_->End());
  MR_TRY(const auto sums, records_->Sums());
  SliceMap::Marks marks;
  for (const auto& sum : sums) {
    MR_TRY(marks[sum.collection], records_->Marks(sum.collection));
  }
  moment.slices = SliceMap(marks, width);
  for (const auto& sum : sums) {
    MR_CHECK_OK(ReadCollection(sum.collection, marks[sum.collection],
                               {sum.changes, sum.hash}, moment));
  }
  return ReadChanges(moment);
}

Status VerifyStores::ReadCollection(const std::string& name,
                                    const std::vector<records::SumMark>& marks,
                                    const change::Sum& sum, RecordsMoment& moment) {
  auto& of = moment.collections[name];
  of.history = SumsOfMarks(moment.slices, marks, sum);
  auto* tenant = &*of.tenants.try_emplace("").first;
  tenant->second.state.resize(moment.slices.size());
  Status parsed;
  MR_CHECK_OK(records_->Scan(name, [&](const records::ScannedRecord& record) {
    const auto position = PositionOf(record.document);
    if (!position) {
      parsed = Fail(position.error());
      return false;
    }
    // Records come tenant by tenant.
    if (tenant->first != record.tenant) {
      tenant = &*of.tenants.try_emplace(std::string(record.tenant)).first;
      tenant->second.state.resize(moment.slices.size());
    }
    tenant->second.state[moment.slices.IndexOf(*position)].AddState(record.document);
    return true;
  }));
  return parsed;
}

Status VerifyStores::ReadChanges(RecordsMoment& moment) {
  return records_->ScanChanges(0, [&](const records::Change& change) {
    change::Event event;
    event.before = change.before;
    event.after = change.after;
    event.source = source_;
    event.version = change.version;
    event.op = change.operation == records::Operation::kDelete ? 'd' : 'u';
    std::string key;
    AppendJsonString(key, change.key);
    event.key_json = key;
    auto& of = moment.collections[std::string(change.collection)];
    auto& tenant = of.tenants[std::string(change.tenant)];
    tenant.state.resize(moment.slices.size());
    tenant.changes.push_back(HashEvent(event, 0, moment.slices));
  });
}

Status VerifyStores::FindTenants(RecordsMoment& moment) {
  for (auto& [name, of] : moment.collections) {
    of.tenants[""].state.resize(moment.slices.size());
    of.of_tenants = of.tenants.size() > 1;
  }
  MR_TRY(const auto streams, log_->Streams());
  for (const auto& info : streams) {
    const auto found = moment.collections.find(info.stream.name);
    if (info.stream.tenant.empty() || found == moment.collections.end()) continue;
    found->second.of_tenants = true;
  }
  return {};
}

Result<std::vector<RowItem>> VerifyStores::ListRecords(const StreamId& of,
                                                       const Slice& slice) {
  std::vector<RowItem> items;
  Status parsed;
  MR_CHECK_OK(records_->Scan(of.name, [&](const records::ScannedRecord& record) {
    if (record.tenant != of.tenant) return true;
    const auto position = PositionOf(record.document);
    if (!position) {
      parsed = Fail(position.error());
      return false;
    }
    if (*position > slice.after && *position <= slice.upto) {
      items.push_back({*position, change::StateHash(record.document).value()});
    }
    return items.size() < kMostItems;
  }));
  MR_CHECK_OK(parsed);
  return items;
}

Result<Refused> VerifyStores::ReadRefused(const pipeline::StoredPipeline& pipeline,
                                          const std::string& sink) {
  if (!state_) return Refused();
  return app::ReadRefused(*state_, pipeline, sink);
}

Status VerifyStores::ForEachSent(const Refused& refused, const SliceMap& slices,
                                 const std::function<void(const HashedEvent&)>& each) {
  std::vector<std::int64_t> ids;
  for (const auto& letter : refused.sent) ids.push_back(letter.id);
  while (!ids.empty()) {
    MR_TRY(const auto letters, state_->letters().Load(ids));
    if (letters.empty()) return {};
    for (const auto& letter : letters) {
      // What cannot be read as a change is for the pipeline to read.
      if (const auto event = change::ParseEnvelope(letter.event())) {
        each(HashEvent(*event, letter.offset, slices));
      }
    }
    ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(letters.size()));
  }
  return {};
}

Result<std::vector<std::string>> VerifyStores::Columns(const eventlog::StreamInfo& info) {
  std::vector<std::string> names;
  if (info.next == info.first) return names;
  MR_TRY(const auto batch, log_->Read(info.stream, info.next - 1, 1, 1));
  const auto event = change::ParseEnvelope(batch.records().front().body);
  if (!event) return names;
  change::ForEachMember(event->image(), [&names](std::string_view member) {
    names.emplace_back(member.substr(1, member.find('"', 1) - 1));
  });
  return names;
}

Result<VerifyStores::SteadyTable> VerifyStores::AskTable(
    TableQuestion question, const pipeline::StoredPipeline& pipeline,
    const std::string& sink) {
  constexpr int kMostTries = 10;
  MR_TRY(const auto redriven, log_->Stream({"", pipeline::RedriveStream(pipeline.name)}));
  MR_TRY(auto before, ReadRefused(pipeline, sink));
  for (int tries = 0; tries < kMostTries; ++tries) {
    before.Settle(redriven.first, 0);
    question.without = before.dropped_keys;
    MR_TRY(auto answer, access_->AskTable(question));
    MR_TRY(auto refused, ReadRefused(pipeline, sink));
    if (refused.IsAfter(before)) {
      refused.Settle(redriven.first, answer.redriven);
      return SteadyTable{std::move(answer), std::move(refused)};
    }
    before = std::move(refused);
  }
  return Fail(ErrorCode::kUnavailable, "it is being built anew all the time");
}

Result<PipelineRerun*> VerifyStores::Rerun() {
  if (!rerun_) {
    auto project =
        project_.empty() ? ProjectOf(paths_) : Result<std::filesystem::path>(project_);
    const auto folder = paths_.temporary() / ("verify-" + std::to_string(getpid()));
    if (project) {
      rerun_ = PipelineRerun::Open(*project, folder, *log_);
    } else {
      rerun_ = Fail(ErrorCode::kNotFound, "its project is not known");
    }
  }
  if (*rerun_) return (*rerun_)->get();
  return Fail((*rerun_).error());
}

Result<lake::LakeExtent> VerifyStores::Extent(const std::string& sink,
                                              std::uint32_t partition) {
  MR_TRY(const auto folder, lake::FolderOf(*lake_, sink.substr(sink.find('.') + 1)));
  return lake::ReadExtent(*lake_, *session_, folder, partition);
}

Result<std::vector<std::string>> VerifyStores::LakeColumns(
    const std::vector<std::string>& files) {
  MR_TRY(const auto described,
         session_->Query("DESCRIBE SELECT * FROM " + ReadFiles(files)));
  std::vector<std::string> has;
  for (std::size_t row = 0; row < described.rows(); ++row) {
    has.emplace_back(described.Text(0, row));
  }
  return has;
}

Result<bool> VerifyStores::LakeHasAll(const std::vector<std::string>& files,
                                      const std::vector<std::string>& columns) {
  MR_TRY(const auto has, LakeColumns(files));
  const auto there = [&has](std::string_view name) {
    return std::ranges::find(has, name) != has.end();
  };
  return std::ranges::all_of(columns, there) &&
         std::ranges::all_of(kChangeColumns, there);
}

Result<LakeAnswer> VerifyStores::AskLake(const LakeQuestion& question,
                                         const SliceMap& slices) {
  std::string select = "SELECT _id, _version";
  for (std::size_t i = 0; i + 1 < question.columns.size(); ++i) {
    select += ", " + sql::QuoteName(question.columns[i]);
  }
  select += " FROM " + ReadFiles(question.files);
  if (question.list) {
    select += " WHERE substr(_version, 9, 16) > " + Hex(question.list->after) +
              " AND substr(_version, 9, 16) <= " + Hex(question.list->upto);
  }
  LakeAnswer answer;
  answer.sums.resize(slices.size());
  Status added;
  constexpr std::size_t kBeforeDocument = 2;
  std::vector<std::size_t> columns;
  const auto add = [&](const sql::Batch& block, std::size_t row) -> Status {
    MR_TRY(const auto version, Version::Parse(block.Text(1, row)));
    if (columns.empty()) columns = ColumnsFrom(block, kBeforeDocument);
    const auto hash = HashColumns(block, row, columns);
    const auto id = block.Text(0, row);
    answer.sums[slices.IndexOf(version.position)].AddChange(id.substr(0, id.find(':')),
                                                            version, hash);
    if (question.list && answer.items.size() < kMostItems) {
      answer.items.push_back({version.position, hash.value()});
    }
    return {};
  };
  MR_CHECK_OK(session_->Stream(select, Deadline::Never(), [&](const sql::Batch& block) {
    for (std::size_t row = 0; row < block.rows() && added; ++row) added = add(block, row);
    return added.has_value();
  }));
  MR_CHECK_OK(added);
  return answer;
}

}  // namespace millrace::app
