#include "warehouse_embedded/embedded_warehouse.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <shared_mutex>

#include "base/file.hpp"
#include "damaged_wal.hpp"
#include "guest_rows.hpp"
#include "lake_views.hpp"
#include "merger.hpp"
#include "rows_query.hpp"
#include "session_pool.hpp"
#include "table_parts.hpp"

namespace millrace::warehouse {
namespace {

namespace fs = std::filesystem;

/// `word` in lower case: SQL minds none.
bool Mentions(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  };
  return !std::ranges::search(text, word, same).empty();
}

/// The columns that a query's indexes are of may be another table's by now.
Status CheckSame(const TableInfo& asked, const TableInfo& now) {
  if (asked.columns == now.columns && asked.key == now.key) return {};
  return Fail(ErrorCode::kUnavailable,
              "table " + asked.name + " has other columns than a moment ago: ask again");
}

class EmbeddedWarehouse final : public CopyableWarehouse {
 public:
  explicit EmbeddedWarehouse(EmbeddedWarehouseOptions options)
      : options_(std::move(options)), lake_(database_, options_.lake) {}

  Status Open();
  ~EmbeddedWarehouse() override;

  Result<std::optional<TablePosition>> OpenTable(const TableSpec& spec) override;
  Status StartTable(const std::string& table, std::uint32_t partition,
                    Offset first) override;
  Status Apply(const std::string& table, const sql::Batch& rows,
               const sql::Batch& tombstones, Offset expected,
               const TablePosition& to) override;
  Result<std::vector<bool>> Superseded(const std::string& table,
                                       const std::vector<KeyVersion>& states) override;
  Result<std::vector<TableInfo>> Tables() override;
  Result<TableInfo> FindTable(const std::string& name) override;
  std::vector<std::string> TableNames() override;
  Status DropTable(const std::string& table) override;
  Status Replace(const std::string& table, const std::string& with) override;
  Result<std::optional<RowVersion>> FindKey(const std::string& table,
                                            const std::string& key,
                                            Deadline deadline) override;
  Result<RowsPage> Rows(const TableInfo& table, const query::Query& query,
                        Deadline deadline) override;
  Result<bool> WaitFor(const std::string& table, const Version& version,
                       Deadline deadline) override;
  Status Query(const std::string& select, Deadline deadline,
               const std::function<bool(const sql::Batch& block)>& each) override;
  Status CopyTo(const fs::path& file, const CopyProgress& progress) override {
    return database_.CopyTo(file, progress);
  }

 private:
  Status OpenEngine();
  Status MakeDurable();
  Status LoadTables();
  Status CheckWritable() const;
  Result<RowsPage> TableRows(const TableInfo& asked, const query::Query& query,
                             Deadline deadline);
  Result<std::shared_ptr<Table>> Find(const std::string& name);

  const EmbeddedWarehouseOptions options_;
  Database database_;
  LakeViews lake_;
  bool opened_ = false;
  std::unique_ptr<SessionPool> readers_;

  std::mutex admin_;  ///< the session for definitions; before tables_mutex_
  std::unique_ptr<sql::Session> session_;

  mutable std::shared_mutex tables_mutex_;
  std::map<std::string, std::shared_ptr<Table>> tables_;  ///< shared with running calls

  std::unique_ptr<Merger> merger_;  ///< ends first
};

Status EmbeddedWarehouse::OpenEngine() {
  if (!fs::exists(database_.file)) MR_CHECK_OK(CreateDatabase(database_.file));
  sql::EngineOptions engine;
  engine.database = database_.file;
  engine.read_only = database_.read_only;
  engine.memory_limit = options_.memory_limit;
  engine.temp_directory = options_.directory / "warehouse.tmp";
  // Only Merger checkpoints: the engine would do it within any commit.
  engine.checkpoint_wal = std::uint64_t{1} << 40u;
  if (!options_.lake.empty()) engine.directories.push_back(options_.lake);
  auto opened = sql::Engine::Open(engine);
  if (!opened) {
    MR_TRY(const bool cut, CutDamagedWal(database_.wal(), opened.error()));
    if (cut) {
      if (database_.logger != nullptr) {
        database_.logger->Warn("cut a torn write-ahead log", {{"error", opened.error()}});
      }
      opened = sql::Engine::Open(engine);
    }
  }
  MR_TRY(database_.engine, std::move(opened));
  return {};
}

/// What a killed process left in the log was replayed, but maybe never synced.
Status EmbeddedWarehouse::MakeDurable() {
  if (database_.read_only || database_.WalBytes() == 0) return {};
  return database_.Checkpoint();
}

Status EmbeddedWarehouse::LoadTables() {
  MR_CHECK_OK(Catalog::Prepare(*session_, database_.read_only));
  MR_TRY(auto stored, Catalog::Load(*session_));
  for (auto& one : stored) {
    const auto name = one.shape.name;
    MR_TRY(tables_[name], Table::Load(database_, *session_, std::move(one)));
  }
  return {};
}

Status EmbeddedWarehouse::Open() {
  database_.file = options_.directory / "warehouse.duckdb";
  database_.logger = options_.logger;
  if (!options_.read_only) {
    MR_CHECK_OK(MakeDirs(options_.directory));
  } else if (!fs::exists(database_.file)) {
    return Fail(ErrorCode::kNotFound, "there is no " + database_.file.string());
  }
  // The engine cannot replay a log that a killed process left without writing.
  database_.read_only = options_.read_only && database_.WalBytes() == 0;
  MR_CHECK_OK(OpenEngine());
  MR_TRY(session_, database_.engine->Connect());
  // As it closes the engine would move rows together (see database.cpp), and write what
  // must not be: what we refused to open, or what is broken in memory.
  MR_CHECK_OK(session_->Run("PRAGMA disable_checkpoint_on_shutdown"));
  MR_CHECK_OK(LoadTables());
  MR_CHECK_OK(MakeDurable());
  readers_ = std::make_unique<SessionPool>(*database_.engine, options_.readers);
  opened_ = true;
  if (options_.read_only) return {};
  MR_CHECK_OK(SyncDir(options_.directory));
  MergerOptions merger;
  merger.rule = {
      options_.merge_ratio,    std::max<std::uint64_t>(1, options_.min_merge_rows),
      options_.max_merge_rows, std::max<std::uint64_t>(1, options_.merge_slice_rows),
      options_.unsorted_rows,  options_.checkpoint_wal,
      options_.filter_rows};
  merger.checkpoint_wal = options_.checkpoint_wal;
  merger.quiet = options_.quiet;
  merger.observer = options_.on_merge_step;
  MR_TRY(merger_, Merger::Start(database_, std::move(merger)));
  for (const auto& [name, table] : tables_) merger_->ConsiderWhenQuiet(table);
  return {};
}

EmbeddedWarehouse::~EmbeddedWarehouse() {
  merger_.reset();
  if (!opened_ || options_.read_only || database_.WalBytes() == 0) return;
  // Without it the next Open has more to replay.
  static_cast<void>(database_.Checkpoint());
}

Status EmbeddedWarehouse::CheckWritable() const {
  if (!options_.read_only) return {};
  return Fail(ErrorCode::kInvalidArgument, "the warehouse is open for reading only");
}

Result<std::shared_ptr<Table>> EmbeddedWarehouse::Find(const std::string& name) {
  const std::shared_lock lock(tables_mutex_);
  const auto found = tables_.find(name);
  if (found == tables_.end()) return Fail(ErrorCode::kNotFound, "no table " + name);
  return found->second;
}

Result<TableInfo> EmbeddedWarehouse::FindTable(const std::string& name) {
  if (options_.guest && name == options_.guest->info.name) return options_.guest->info;
  if (!name.starts_with(kLakePrefix)) {
    MR_TRY(const auto table, Find(name));
    return table->Info();
  }
  return lake_.Find(name.substr(kLakePrefix.size()));
}

Result<std::optional<TablePosition>> EmbeddedWarehouse::OpenTable(const TableSpec& spec) {
  MR_CHECK_OK(CheckWritable());
  const std::scoped_lock admin(admin_);
  auto table = Find(spec.name);
  if (!table) {
    MR_TRY(table, Table::Create(database_, *session_, spec));
    const std::unique_lock lock(tables_mutex_);
    tables_[spec.name] = *table;
  }
  return (*table)->Open(*session_, spec);
}

Status EmbeddedWarehouse::StartTable(const std::string& name, std::uint32_t partition,
                                     Offset first) {
  MR_CHECK_OK(CheckWritable());
  const std::scoped_lock admin(admin_);
  MR_TRY(const auto table, Find(name));
  return table->Start(*session_, {first, {}, partition});
}

Status EmbeddedWarehouse::Apply(const std::string& name, const sql::Batch& rows,
                                const sql::Batch& tombstones, Offset expected,
                                const TablePosition& to) {
  MR_CHECK_OK(CheckWritable());
  MR_TRY(const auto table, Find(name));
  MR_CHECK_OK(table->Apply(rows, tombstones, expected, to));
  merger_->Consider(table);
  return {};
}

Result<std::vector<bool>> EmbeddedWarehouse::Superseded(
    const std::string& name, const std::vector<KeyVersion>& states) {
  for (;;) {
    MR_TRY(const auto table, Find(name));
    auto superseded = table->Superseded(states);
    // Another may have taken its place.
    if (superseded || !table->dropped()) return superseded;
  }
}

Result<std::vector<TableInfo>> EmbeddedWarehouse::Tables() {
  MR_CHECK_OK(lake_.Refresh());
  std::vector<TableInfo> out;
  {
    const std::shared_lock lock(tables_mutex_);
    for (const auto& [name, table] : tables_) out.push_back(table->Info());
  }
  for (auto& info : lake_.Tables()) out.push_back(std::move(info));
  if (options_.guest) out.push_back(options_.guest->info);
  return out;
}

std::vector<std::string> EmbeddedWarehouse::TableNames() {
  const std::shared_lock lock(tables_mutex_);
  const auto names = std::views::keys(tables_);
  return {names.begin(), names.end()};
}

Status EmbeddedWarehouse::DropTable(const std::string& name) {
  MR_CHECK_OK(CheckWritable());
  const std::scoped_lock admin(admin_);
  MR_TRY(const auto table, Find(name));
  MR_CHECK_OK(table->Drop(*session_));
  const std::unique_lock lock(tables_mutex_);
  tables_.erase(name);
  return {};
}

Result<Warehouse::RowsPage> EmbeddedWarehouse::Rows(const TableInfo& asked,
                                                    const query::Query& query,
                                                    Deadline deadline) {
  const auto& name = asked.name;
  const bool guest = options_.guest && name == options_.guest->info.name;
  if (!guest && !name.starts_with(kLakePrefix)) return TableRows(asked, query, deadline);
  MR_TRY(const auto info, FindTable(name));
  MR_CHECK_OK(CheckSame(asked, info));
  MR_TRY(const auto session, readers_->Take(deadline));
  if (guest) {
    MR_TRY(const auto rows,
           GuestRows::Add(*options_.guest, query.filters, *session, deadline));
    return ReadPage(*session, sql::QuoteName(name), info, query, deadline);
  }
  const auto files = lake_.Files(name.substr(kLakePrefix.size()));
  return ReadLakePage(*session, files, info, query, deadline);
}

Result<Warehouse::RowsPage> EmbeddedWarehouse::TableRows(const TableInfo& asked,
                                                         const query::Query& query,
                                                         Deadline deadline) {
  MR_TRY(const auto session, readers_->Take(deadline));
  return WithParts([&] { return Find(asked.name); },
                   [&](TableParts& parts) -> Result<RowsPage> {
                     const auto info = parts.table.Info();
                     MR_CHECK_OK(CheckSame(asked, info));
                     if (const auto keys = AskedKeys(info, query)) {
                       return ReadKeysPage(*session, parts.shape, parts.filter.get(),
                                           *keys, info, query, deadline);
                     }
                     parts.filter.reset();
                     return ReadPage(*session, ViewName(parts.shape), info, query,
                                     deadline);
                   });
}

Status EmbeddedWarehouse::Replace(const std::string& name, const std::string& with) {
  MR_CHECK_OK(CheckWritable());
  const std::scoped_lock admin(admin_);
  MR_TRY(const auto next, Find(with));
  if (name == with) return {};
  const auto old = Find(name);
  MR_CHECK_OK(next->TakePlace(*session_, name, old ? old->get() : nullptr, [&] {
    const std::unique_lock lock(tables_mutex_);
    tables_[name] = next;
    tables_.erase(with);
  }));
  merger_->ConsiderWhenQuiet(next);
  return {};
}

Result<std::optional<RowVersion>> EmbeddedWarehouse::FindKey(const std::string& name,
                                                             const std::string& key,
                                                             Deadline deadline) {
  MR_TRY(const auto session, readers_->Take(deadline));
  return WithParts([&] { return Find(name); },
                   [&](TableParts& parts) {
                     return FindVersion(*session, parts.shape, parts.filter.get(), key,
                                        deadline);
                   });
}

Result<bool> EmbeddedWarehouse::WaitFor(const std::string& name, const Version& version,
                                        Deadline deadline) {
  MR_TRY(auto table, Find(name));
  for (;;) {
    auto reached = table->WaitFor(version, deadline);
    if (reached) return reached;
    // Another may have taken its place.
    MR_TRY(auto next, Find(name));
    if (next == table) return reached;
    table = std::move(next);
  }
}

Status EmbeddedWarehouse::Query(
    const std::string& select, Deadline deadline,
    const std::function<bool(const sql::Batch& block)>& each) {
  if (Mentions(select, "lake")) {
    MR_CHECK_OK(lake_.Refresh());
    MR_CHECK_OK(lake_.CheckStored(select));
  }
  MR_TRY(const auto session, readers_->Take(deadline));
  std::unique_ptr<GuestRows> guest;
  if (options_.guest && Mentions(select, options_.guest->info.name)) {
    MR_TRY(guest, GuestRows::Add(*options_.guest, {}, *session, deadline));
  }
  return session->Stream(select, deadline, each);
}

}  // namespace

Result<std::unique_ptr<CopyableWarehouse>> OpenEmbeddedWarehouse(
    EmbeddedWarehouseOptions options) {
  const auto directory = options.directory.string();
  auto warehouse = std::make_unique<EmbeddedWarehouse>(std::move(options));
  if (auto opened = warehouse->Open(); !opened) {
    return Fail(std::move(opened).error().During("open the warehouse in " + directory));
  }
  return warehouse;
}

}  // namespace millrace::warehouse
