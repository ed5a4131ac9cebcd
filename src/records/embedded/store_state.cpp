#include "store_state.hpp"

#include <bit>

namespace millrace::records {

Result<StoreState> ReadStoreState(Database& db) {
  MR_TRY(auto select, db.Prepare("SELECT epoch, next_seq, trimmed, time_floor, "
                                 "id_floor_ms FROM store"));
  if (select.Step() != SQLITE_ROW) {
    return Fail(SqliteError(db.get(), "read the store's state"));
  }
  StoreState out;
  out.epoch = static_cast<std::uint32_t>(select.Int(0));
  out.next_seq = static_cast<std::uint64_t>(select.Int(1));
  out.trimmed = static_cast<std::uint64_t>(select.Int(2));
  out.time_floor = select.Int(3);
  out.id_floor_ms = select.Int(4);
  return out;
}

Result<CollectionState> ReadCollectionState(Database& db, const std::string& name) {
  MR_TRY(auto select, db.Prepare("SELECT changes, hash, sequence FROM collections "
                                 "WHERE name=?1"));
  select.Bind(1, name);
  if (select.Step() != SQLITE_ROW) {
    return Fail(SqliteError(db.get(), "read the state of collection " + name));
  }
  return CollectionState{static_cast<std::uint64_t>(select.Int(0)),
                         std::bit_cast<std::uint64_t>(select.Int(1)), select.Int(2)};
}

Result<std::vector<HistorySum>> ReadSums(Database& db) {
  MR_TRY(auto select,
         db.Prepare("SELECT name, changes, hash FROM collections ORDER BY name"));
  std::vector<HistorySum> out;
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) {
    out.push_back({std::string(select.Text(0)), static_cast<std::uint64_t>(select.Int(1)),
                   std::bit_cast<std::uint64_t>(select.Int(2))});
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "read the sums"));
  return out;
}

Result<std::vector<SumMark>> ReadMarks(Database& db, const std::string& name) {
  std::vector<SumMark> out;
  MR_TRY(const auto version, db.QueryInt("PRAGMA user_version", 0));
  if (version < 3) return out;
  MR_TRY(auto select, db.Prepare("SELECT minute, changes, hash, seq FROM sums WHERE "
                                 "collection=?1 ORDER BY minute"));
  select.Bind(1, name);
  int code = SQLITE_OK;
  while ((code = select.Step()) == SQLITE_ROW) {
    out.push_back({select.Int(0) * kSumSliceUs, static_cast<std::uint64_t>(select.Int(1)),
                   std::bit_cast<std::uint64_t>(select.Int(2)),
                   static_cast<std::uint64_t>(select.Int(3))});
  }
  if (code != SQLITE_DONE) return Fail(SqliteError(db.get(), "read the sums by time"));
  return out;
}

Result<StateTables> StateTables::Prepare(Database& db) {
  StateTables out;
  MR_TRY(out.store_,
         db.Prepare("UPDATE store SET next_seq=?1, trimmed=?2, time_floor=?3, "
                    "id_floor_ms=?4 WHERE id=1"));
  MR_TRY(out.collection_, db.Prepare("UPDATE collections SET changes=?1, hash=?2, "
                                     "sequence=?3 WHERE name=?4"));
  MR_TRY(out.mark_, db.Prepare("INSERT OR IGNORE INTO sums(collection, minute, changes, "
                               "hash, seq) VALUES(?1, ?2, ?3, ?4, ?5)"));
  return out;
}

bool StateTables::Save(const StoreState& state) {
  store_.Bind(1, static_cast<std::int64_t>(state.next_seq));
  store_.Bind(2, static_cast<std::int64_t>(state.trimmed));
  store_.Bind(3, state.time_floor);
  store_.Bind(4, state.id_floor_ms);
  return store_.Run() == SQLITE_DONE;
}

bool StateTables::Save(const std::string& name, const CollectionState& state) {
  collection_.Bind(1, static_cast<std::int64_t>(state.changes));
  collection_.Bind(2, std::bit_cast<std::int64_t>(state.hash));
  collection_.Bind(3, state.sequence);
  collection_.Bind(4, name);
  return collection_.Run() == SQLITE_DONE;
}

bool StateTables::Mark(const std::string& name, std::int64_t minute,
                       const CollectionState& before, std::uint64_t seq) {
  mark_.Bind(1, name);
  mark_.Bind(2, minute);
  mark_.Bind(3, static_cast<std::int64_t>(before.changes));
  mark_.Bind(4, std::bit_cast<std::int64_t>(before.hash));
  mark_.Bind(5, static_cast<std::int64_t>(seq));
  return mark_.Run() == SQLITE_DONE;
}

}  // namespace millrace::records
