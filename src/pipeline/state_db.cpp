#include "pipeline/state_db.hpp"

#include <set>

#include "base/file.hpp"
#include "state_impl.hpp"

namespace millrace::pipeline {

StateDb::StateDb(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StateDb::~StateDb() = default;

Result<std::unique_ptr<StateDb>> StateDb::Open(const std::filesystem::path& data,
                                               Access access) {
  const auto path = data / "pipelines.db";
  std::error_code ignored;
  const bool read_only = access == Access::kReadOnly;
  if (read_only && !std::filesystem::exists(path, ignored)) {
    return Fail(ErrorCode::kNotFound, path.string() + " does not exist");
  }
  auto impl = std::make_unique<Impl>();
  MR_TRY(impl->db, Sqlite::Open(path, read_only ? Sqlite::Mode::kReadOnly
                                                : Sqlite::Mode::kDurable));
  if (!read_only) {
    MR_CHECK_OK(PrepareStateDb(impl->db));
    MR_CHECK_OK(SyncDir(data));
  }
  if (read_only) MR_CHECK_OK(ReadStateDb(impl->db));
  return std::unique_ptr<StateDb>(new StateDb(std::move(impl)));
}

DeadLetters& StateDb::letters() { return impl_->letters; }

Status StateDb::SetPipelines(const std::vector<StoredPipeline>& pipelines) {
  const std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->db);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(impl_->db.Run("DELETE FROM pipelines"));
  MR_TRY(auto insert, impl_->db.Prepare("INSERT INTO pipelines VALUES (?, ?, ?)"));
  MR_TRY(auto keep, impl_->db.Prepare("INSERT INTO sinks VALUES (?, ?, NULL, 'new', '') "
                                      "ON CONFLICT DO NOTHING"));
  std::set<std::pair<std::string, std::string>> known;
  for (const StoredPipeline& pipeline : pipelines) {
    insert.Bind(1, pipeline.name).Bind(2, pipeline.stream).Bind(3, pipeline.hash);
    MR_CHECK_OK(insert.Finish());
    for (const StoredSink& sink : pipeline.sinks) {
      keep.Bind(1, pipeline.name).Bind(2, sink.name);
      MR_CHECK_OK(keep.Finish());
      known.emplace(pipeline.name, sink.name);
    }
  }
  std::vector<std::pair<std::string, std::string>> gone;
  {
    MR_TRY(auto all, impl_->db.Prepare("SELECT pipeline, sink FROM sinks"));
    while (true) {
      MR_TRY(const bool more, all.Step());
      if (!more) break;
      std::pair<std::string, std::string> one(all.Text(0), all.Text(1));
      if (!known.contains(one)) gone.push_back(std::move(one));
    }
  }
  MR_TRY(auto remove,
         impl_->db.Prepare("DELETE FROM sinks WHERE pipeline = ? AND sink = ?"));
  for (const auto& [pipeline, sink] : gone) {
    remove.Bind(1, pipeline).Bind(2, sink);
    MR_CHECK_OK(remove.Finish());
  }
  return transaction.Commit();
}

Status StateDb::SetSink(std::string_view pipeline, const StoredSink& sink) {
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(auto put, impl_->db.Prepare("INSERT INTO sinks VALUES (?, ?, ?, ?, ?) "
                                     "ON CONFLICT (pipeline, sink) DO UPDATE SET "
                                     "position = coalesce(excluded.position, position), "
                                     "state = excluded.state, reason = excluded.reason"));
  put.Bind(1, pipeline).Bind(2, sink.name).Bind(4, sink.state).Bind(5, sink.reason);
  if (sink.position) {
    put.Bind(3, Signed(*sink.position));
  } else {
    put.BindNull(3);
  }
  return put.Finish();
}

Result<std::vector<StoredSink>> StateDb::Impl::SinksOf(std::string_view pipeline) {
  std::vector<StoredSink> sinks;
  MR_TRY(auto select, db.Prepare("SELECT sink, position, state, reason FROM sinks WHERE "
                                 "pipeline = ? ORDER BY sink"));
  select.Bind(1, pipeline);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return sinks;
    StoredSink sink{std::string(select.Text(0)),
                    {},
                    std::string(select.Text(2)),
                    std::string(select.Text(3)),
                    0};
    if (!select.IsNull(1)) sink.position = Unsigned(select.Int(1));
    MR_TRY(sink.dead_letters, CountLocked(pipeline, sink.name));
    sinks.push_back(std::move(sink));
  }
}

Result<std::vector<StoredPipeline>> StateDb::Pipelines() {
  const std::lock_guard lock(impl_->mutex);
  std::vector<StoredPipeline> pipelines;
  MR_TRY(auto select,
         impl_->db.Prepare("SELECT pipeline, stream, hash FROM pipelines ORDER BY 1"));
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) break;
    pipelines.push_back({std::string(select.Text(0)),
                         std::string(select.Text(1)),
                         std::string(select.Text(2)),
                         {}});
  }
  for (StoredPipeline& pipeline : pipelines) {
    MR_TRY(pipeline.sinks, impl_->SinksOf(pipeline.name));
  }
  return pipelines;
}

Result<std::vector<UsedDefinition>> StateDb::Impl::DefinitionsLocked(
    std::string_view pipeline, std::string_view sink) {
  std::vector<UsedDefinition> definitions;
  // A file that an older program wrote, opened for reading, has no such table.
  MR_TRY(auto known,
         db.Prepare("SELECT 1 FROM sqlite_schema WHERE name = 'definitions'"));
  MR_TRY(const bool kept, known.Step());
  if (!kept) return definitions;
  MR_TRY(auto select, db.Prepare("SELECT hash, first_offset FROM definitions WHERE "
                                 "pipeline = ? AND sink = ? ORDER BY first_offset"));
  select.Bind(1, pipeline).Bind(2, sink);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return definitions;
    definitions.push_back({std::string(select.Text(0)), Unsigned(select.Int(1))});
  }
}

Status StateDb::Impl::PutDefinition(std::string_view pipeline, std::string_view sink,
                                    const UsedDefinition& definition) {
  MR_TRY(auto put, db.Prepare("INSERT OR REPLACE INTO definitions VALUES (?, ?, ?, ?)"));
  put.Bind(1, pipeline).Bind(2, sink).Bind(3, Signed(definition.first));
  put.Bind(4, definition.hash);
  return put.Finish();
}

Status StateDb::AddDefinition(std::string_view pipeline, std::string_view sink,
                              const UsedDefinition& definition) {
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(const auto known, impl_->DefinitionsLocked(pipeline, sink));
  if (!known.empty() && known.back().hash == definition.hash) return {};
  return impl_->PutDefinition(pipeline, sink, definition);
}

Status StateDb::ResetDefinitions(std::string_view pipeline, std::string_view sink,
                                 const UsedDefinition& definition) {
  const std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->db);
  MR_CHECK_OK(transaction.Begin());
  MR_TRY(auto remove,
         impl_->db.Prepare("DELETE FROM definitions WHERE pipeline = ? AND sink = ?"));
  remove.Bind(1, pipeline).Bind(2, sink);
  MR_CHECK_OK(remove.Finish());
  MR_CHECK_OK(impl_->PutDefinition(pipeline, sink, definition));
  return transaction.Commit();
}

Result<std::vector<UsedDefinition>> StateDb::Definitions(std::string_view pipeline,
                                                         std::string_view sink) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->DefinitionsLocked(pipeline, sink);
}

Result<std::map<std::string, Offset>> StateDb::Fields(std::string_view stream) {
  const std::lock_guard lock(impl_->mutex);
  std::map<std::string, Offset> fields;
  MR_TRY(auto select,
         impl_->db.Prepare("SELECT field, first_offset FROM fields WHERE stream = ?"));
  select.Bind(1, stream);
  while (true) {
    MR_TRY(const bool more, select.Step());
    if (!more) return fields;
    fields.emplace(select.Text(0), Unsigned(select.Int(1)));
  }
}

Status StateDb::SetField(std::string_view stream, std::string_view field, Offset first) {
  const std::lock_guard lock(impl_->mutex);
  MR_TRY(auto put, impl_->db.Prepare(
                       "INSERT INTO fields VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET "
                       "first_offset = min(first_offset, excluded.first_offset)"));
  put.Bind(1, stream).Bind(2, field).Bind(3, Signed(first));
  return put.Finish();
}

}  // namespace millrace::pipeline
