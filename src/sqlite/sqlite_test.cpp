#include "sqlite/sqlite.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

namespace millrace {
namespace {

/// Counts the syncs of write-ahead logs that are opened while it lives.
class LogSyncs {
 public:
  LogSyncs() {
    syncs = 0;
    real = sqlite3_vfs_find(nullptr);
    vfs_ = *real;
    vfs_.zName = "counting";
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~LogSyncs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real, 1);
  }
  LogSyncs(const LogSyncs&) = delete;
  LogSyncs& operator=(const LogSyncs&) = delete;
  int count() const { return syncs; }

 private:
  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out) {
    const int code = real->xOpen(vfs, name, file, flags, out);
    if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return code;
    sync = file->pMethods->xSync;
    methods = *file->pMethods;
    methods.xSync = [](sqlite3_file* log, int how) {
      ++syncs;
      return sync(log, how);
    };
    file->pMethods = &methods;
    return code;
  }
  static inline int syncs = 0;
  static inline sqlite3_vfs* real = nullptr;
  static inline int (*sync)(sqlite3_file*, int) = nullptr;
  static inline sqlite3_io_methods methods{};
  sqlite3_vfs vfs_{};
};

TEST(Sqlite, ACheckpointMakesCommitsDurableAlsoWhileSomebodyReads) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    ("checkpoint-" + std::to_string(getpid()) + ".db");
  const LogSyncs syncs;
  {
    auto db = Sqlite::Open(path, Sqlite::Mode::kOrdered);
    ASSERT_TRUE(db) << db.error().ToString();
    ASSERT_TRUE(db->Run("CREATE TABLE t(a)"));
    ASSERT_TRUE(db->Checkpoint());
    auto reader = Sqlite::Open(path, Sqlite::Mode::kReadOnly);
    ASSERT_TRUE(reader && reader->Run("BEGIN; SELECT * FROM t"));
    ASSERT_TRUE(db->Run("INSERT INTO t VALUES(1)"));
    const int before = syncs.count();
    ASSERT_TRUE(db->Checkpoint());
    EXPECT_GT(syncs.count(), before) << "the log is where the commit is";
    ASSERT_TRUE(reader->Run("COMMIT"));
    ASSERT_TRUE(db->Checkpoint());
    EXPECT_EQ(std::filesystem::file_size(path.string() + "-wal"), 0U);
  }
  for (const char* end : {"", "-wal", "-shm"})
    std::filesystem::remove(path.string() + end);
}

}  // namespace
}  // namespace millrace
