#include "lookup_store.hpp"

#include "base/file.hpp"

namespace millrace::pipeline {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS state (
  format INTEGER NOT NULL, definition TEXT NOT NULL, next_offset INTEGER NOT NULL,
  collected BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
  key BLOB NOT NULL, version BLOB NOT NULL, document TEXT, PRIMARY KEY (key, version)
) WITHOUT ROWID;
)sql";
constexpr std::int64_t kFormat = 1;

/// 16 bytes, most significant first: their order is the order of versions.
std::string Bytes(const Version& version) {
  std::string bytes;
  const auto add = [&bytes](std::uint64_t value, int size) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) {
      bytes += static_cast<char>((value >> shift) & 0xff);
    }
  };
  add(version.epoch, 4);
  add(version.position, 8);
  add(version.ordinal, 4);
  return bytes;
}

Version FromBytes(std::string_view bytes) {
  const auto take = [&bytes](std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size && i < bytes.size(); ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    bytes.remove_prefix(std::min(size, bytes.size()));
    return value;
  };
  Version version;
  version.epoch = static_cast<std::uint32_t>(take(4));
  version.position = take(8);
  version.ordinal = static_cast<std::uint32_t>(take(4));
  return version;
}

}  // namespace

Result<LookupStore> LookupStore::Open(const std::filesystem::path& path,
                                      std::string_view definition) {
  LookupStore store;
  MR_TRY(store.db_, Sqlite::Open(path, Sqlite::Mode::kOrdered));
  MR_CHECK_OK(store.db_.Run(kSchema));
  MR_CHECK_OK(store.ReadState(definition));
  MR_CHECK_OK(store.db_.Checkpoint());
  MR_CHECK_OK(SyncDir(path.parent_path()));
  MR_CHECK_OK(store.Prepare());
  return store;
}

Status LookupStore::ReadState(std::string_view definition) {
  {
    MR_TRY(auto read, db_.Prepare("SELECT format, definition, next_offset, collected, "
                                  "EXISTS (SELECT 1 FROM versions) FROM state"));
    MR_TRY(const bool found, read.Step());
    if (found && read.Int(0) == kFormat && read.Text(1) == definition) {
      next_ = static_cast<Offset>(read.Int(2));
      collected_ = FromBytes(read.Text(3));
      rows_ = static_cast<std::uint64_t>(read.Int(4));
      return {};
    }
  }
  SqliteTransaction transaction(db_);
  MR_CHECK_OK(transaction.Begin());
  MR_CHECK_OK(db_.Run("DELETE FROM versions; DELETE FROM state"));
  {
    MR_TRY(auto insert, db_.Prepare("INSERT INTO state VALUES (?, ?, 0, ?)"));
    const std::string none = Bytes({});
    insert.Bind(1, kFormat).Bind(2, definition).BindBlob(3, none);
    MR_CHECK_OK(insert.Finish());
  }
  return transaction.Commit();
}

Status LookupStore::Prepare() {
  MR_TRY(put_, db_.Prepare("INSERT OR REPLACE INTO versions VALUES (?, ?, ?)"));
  MR_TRY(load_, db_.Prepare("SELECT version, document FROM versions WHERE key = ? "
                            "ORDER BY version"));
  MR_TRY(collect_,
         db_.Prepare("DELETE FROM versions WHERE key = ?1 AND version < (SELECT "
                     "max(version) FROM versions WHERE key = ?1 AND version <= ?2)"));
  MR_TRY(below_,
         db_.Prepare("SELECT 1 FROM versions WHERE key = ? AND version < ? LIMIT 1"));
  MR_TRY(state_, db_.Prepare("UPDATE state SET next_offset = ?, collected = ?"));
  return {};
}

Status LookupStore::Clear(Offset first) {
  MR_CHECK_OK(Begin());
  if (auto cleared = db_.Run("DELETE FROM versions"); !cleared) {
    Rollback();
    return cleared;
  }
  rows_ = 0;
  collected_ = {};
  return Commit(first, {});
}

Status LookupStore::Begin() { return db_.Run("BEGIN IMMEDIATE"); }

Status LookupStore::Put(std::string_view key, const Version& version,
                        std::string_view document) {
  const std::string bytes = Bytes(version);
  put_.BindBlob(1, key).BindBlob(2, bytes);
  if (document.empty()) {
    put_.BindNull(3);
  } else {
    put_.Bind(3, document);
  }
  ++rows_;
  return put_.Finish();
}

Status LookupStore::Collect(std::string_view key, const Version& low) {
  const std::string bytes = Bytes(low);
  collect_.BindBlob(1, key).BindBlob(2, bytes);
  return collect_.Finish();
}

Status LookupStore::CollectAll(const Version& low) {
  const std::string bytes = Bytes(low);
  MR_TRY(auto older, db_.Prepare("DELETE FROM versions AS v WHERE version < (SELECT "
                                 "max(n.version) FROM versions n WHERE n.key = v.key AND "
                                 "n.version <= ?1)"));
  older.BindBlob(1, bytes);
  MR_CHECK_OK(older.Finish());
  // The oldest version that is left: "no record from here on" says what absence says.
  MR_TRY(auto none,
         db_.Prepare("DELETE FROM versions WHERE document IS NULL AND version <= ?1"));
  none.BindBlob(1, bytes);
  return none.Finish();
}

Result<bool> LookupStore::HasBelow(std::string_view key, const Version& version) {
  const std::string bytes = Bytes(version);
  below_.BindBlob(1, key).BindBlob(2, bytes);
  MR_TRY(const bool found, below_.Step());
  MR_CHECK_OK(below_.Finish());
  return found;
}

Status LookupStore::Commit(Offset next, const Version& collected) {
  const std::string bytes = Bytes(std::max(collected, collected_));
  state_.Bind(1, static_cast<std::int64_t>(next)).BindBlob(2, bytes);
  MR_CHECK_OK(state_.Finish());
  MR_CHECK_OK(db_.Run("COMMIT"));
  next_ = next;
  collected_ = std::max(collected, collected_);
  return {};
}

void LookupStore::Rollback() {
  // A statement that failed may have ended the transaction already.
  static_cast<void>(db_.Run("ROLLBACK"));
}

Status LookupStore::Load(
    std::string_view key,
    const std::function<void(const Version&, std::string_view)>& each) {
  load_.BindBlob(1, key);
  while (true) {
    MR_TRY(const bool more, load_.Step());
    if (!more) return {};
    each(FromBytes(load_.Text(0)), load_.IsNull(1) ? std::string_view() : load_.Text(1));
  }
}

}  // namespace millrace::pipeline
