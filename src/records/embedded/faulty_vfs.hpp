#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

namespace millrace::records::testing {

/// SQLite's own file layer with faults: everything goes through to the one it had before,
/// but writes or syncs fail while the test says so. The default for new connections as
/// long as it lives.
class FaultyVfs {
 public:
  enum class Fault { kNone, kDiskFull, kSyncFails, kWriteFails, kIndexFull };

  FaultyVfs() : vfs_(*sqlite3_vfs_find(nullptr)), real_(sqlite3_vfs_find(nullptr)) {
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = Open;
    vfs_.pAppData = this;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultyVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  void Set(Fault fault) { fault_ = fault; }
  int syncs() const { return syncs_; }

 private:
  struct File {
    sqlite3_file base;
    FaultyVfs* owner;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real(); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out) {
    auto* self = static_cast<FaultyVfs*>(vfs->pAppData);
    auto* opened = new (file) File{{nullptr}, self};
    const int code = self->real_->xOpen(self->real_, name, opened->real(), flags, out);
    if (opened->real()->pMethods != nullptr) opened->base.pMethods = Methods();
    return code;
  }
  static int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    const auto fault = Of(file)->owner->fault_.load();
    if (fault == Fault::kDiskFull) return SQLITE_FULL;
    if (fault == Fault::kWriteFails) return SQLITE_IOERR_WRITE;
    return Real(file)->pMethods->xWrite(Real(file), bytes, size, at);
  }
  static int Sync(sqlite3_file* file, int flags) {
    ++Of(file)->owner->syncs_;
    if (Of(file)->owner->fault_ == Fault::kSyncFails) return SQLITE_IOERR_FSYNC;
    return Real(file)->pMethods->xSync(Real(file), flags);
  }
  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = {
        3,
        [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
        [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
          return Real(f)->pMethods->xRead(Real(f), to, size, at);
        },
        Write,
        [](sqlite3_file* f, sqlite3_int64 size) {
          return Real(f)->pMethods->xTruncate(Real(f), size);
        },
        Sync,
        [](sqlite3_file* f, sqlite3_int64* size) {
          return Real(f)->pMethods->xFileSize(Real(f), size);
        },
        [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xLock(Real(f), lock); },
        [](sqlite3_file* f, int lock) {
          return Real(f)->pMethods->xUnlock(Real(f), lock);
        },
        [](sqlite3_file* f, int* out) {
          return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
        },
        [](sqlite3_file* f, int op, void* argument) {
          return Real(f)->pMethods->xFileControl(Real(f), op, argument);
        },
        [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
        [](sqlite3_file* f) {
          return Real(f)->pMethods->xDeviceCharacteristics(Real(f));
        },
        [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
          if (extend != 0 && page > 0 && Of(f)->owner->fault_ == Fault::kIndexFull) {
            errno = ENOSPC;
            return SQLITE_IOERR_SHMSIZE;
          }
          return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
        },
        [](sqlite3_file* f, int offset, int count, int flags) {
          return Real(f)->pMethods->xShmLock(Real(f), offset, count, flags);
        },
        [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); },
        [](sqlite3_file* f, int remove) {
          return Real(f)->pMethods->xShmUnmap(Real(f), remove);
        },
        [](sqlite3_file* f, sqlite3_int64 at, int size, void** out) {
          return Real(f)->pMethods->xFetch(Real(f), at, size, out);
        },
        [](sqlite3_file* f, sqlite3_int64 at, void* page) {
          return Real(f)->pMethods->xUnfetch(Real(f), at, page);
        }};
    return &methods;
  }

  sqlite3_vfs vfs_;
  sqlite3_vfs* real_;
  std::atomic<Fault> fault_{Fault::kNone};
  std::atomic<int> syncs_{0};
};

}  // namespace millrace::records::testing
