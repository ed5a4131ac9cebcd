/* LD_PRELOAD: the N-th call of a kind on a file below a directory fails.
 *
 * MR_SHIM_KIND   write, sync or rename
 * MR_SHIM_AT     N, from 1; calls are counted over all threads
 * MR_SHIM_HOW    EIO, ENOSPC, EINTR, SHORT (half is written), KILL (before the call)
 * MR_SHIM_STICKY 1: every later call of the kind fails too
 * MR_SHIM_BELOW  the directory
 * MR_SHIM_HIT    file that gets "<call> <path>" when the fault happens
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

static int below(const char* path) {
  const char* directory = setting("MR_SHIM_BELOW");
  return *directory && strncmp(path, directory, strlen(directory)) == 0;
}

static void path_of(int fd, char* path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t got = readlink(link, path, size - 1);
  path[got < 0 ? 0 : got] = 0;
}

static void tell(const char* call, const char* path) {
  char line[4400];
  int size = snprintf(line, sizeof line, "%s %s\n", call, path);
  int fd = open(setting("MR_SHIM_HIT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (size > 0) syscall(SYS_write, fd, line, (size_t)size);
  close(fd);
}

/* 0: go on. Else errno, or -1 for a short write. */
static int fault(const char* kind, const char* call, const char* path) {
  if (strcmp(setting("MR_SHIM_KIND"), kind) != 0 || !below(path)) return 0;
  long number = atomic_fetch_add(&calls, 1) + 1, at = atol(setting("MR_SHIM_AT"));
  int sticky = *setting("MR_SHIM_STICKY") == '1';
  if (number != at && !(sticky && number > at)) return 0;
  if (number == at) tell(call, path);
  const char* how = setting("MR_SHIM_HOW");
  if (strcmp(how, "KILL") == 0) kill(getpid(), SIGKILL);
  if (strcmp(how, "ENOSPC") == 0) return ENOSPC;
  if (strcmp(how, "EINTR") == 0) return EINTR;
  if (strcmp(how, "SHORT") == 0) return -1;
  return EIO;
}

static int fault_fd(const char* kind, const char* call, int fd) {
  if (strcmp(setting("MR_SHIM_KIND"), kind) != 0) return 0;
  int saved = errno;
  char path[4096];
  path_of(fd, path, sizeof path);
  int failed = fault(kind, call, path);
  errno = saved;
  return failed;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define FAIL_OR_HALVE(call, fd, size)             \
  int failed = fault_fd("write", call, fd);       \
  if (failed > 0) { errno = failed; return -1; }  \
  if (failed < 0 && size > 1) size /= 2

ssize_t write(int fd, const void* data, size_t size) {
  REAL(ssize_t, write, int, const void*, size_t);
  FAIL_OR_HALVE("write", fd, size);
  return real(fd, data, size);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  REAL(ssize_t, pwrite, int, const void*, size_t, off_t);
  FAIL_OR_HALVE("pwrite", fd, size);
  return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void*, size_t, off64_t);
  FAIL_OR_HALVE("pwrite64", fd, size);
  return real(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec*, int);
  FAIL_OR_HALVE("writev", fd, count);
  return real(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  REAL(ssize_t, pwritev, int, const struct iovec*, int, off_t);
  FAIL_OR_HALVE("pwritev", fd, count);
  return real(fd, parts, count, at);
}

#define SYNC(name)                                 \
  int name(int fd) {                               \
    REAL(int, name, int);                          \
    int failed = fault_fd("sync", #name, fd);      \
    if (failed) { errno = failed; return -1; }     \
    return real(fd);                               \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char* from, const char* to) {
  REAL(int, rename, const char*, const char*);
  int failed = fault("rename", "rename", to);
  if (failed) { errno = failed; return -1; }
  return real(from, to);
}

int renameat(int from_at, const char* from, int to_at, const char* to) {
  REAL(int, renameat, int, const char*, int, const char*);
  int failed = fault("rename", "renameat", to);
  if (failed) { errno = failed; return -1; }
  return real(from_at, from, to_at, to);
}

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  REAL(int, renameat2, int, const char*, int, const char*, unsigned);
  int failed = fault("rename", "renameat2", to);
  if (failed) { errno = failed; return -1; }
  return real(from_at, from, to_at, to, flags);
}
