// What the machine can do at this moment, for the benchmarks to be measured against:
//   limits DIR [SYNCS]
// overwrites 4 KiB of a file written before, each with fdatasync, and runs a fixed loop.
// Prints one line of JSON: percentiles of the syncs, and CPU time of the loop.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kBlock = 4096, kBlocks = 256, kMost = 10000 };

static void Die(const char* what) {
  perror(what);
  exit(1);
}

static double Micros(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static int Compare(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void MeasureSyncs(const char* directory, int syncs, double* p50, double* p99) {
  static char block[kBlock];
  static double took[kMost];
  char path[4096];
  snprintf(path, sizeof path, "%s/limits.tmp", directory);
  memset(block, 'x', sizeof block);
  const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) Die(path);
  for (int i = 0; i < kBlocks; ++i) {
    if (pwrite(fd, block, kBlock, (off_t)i * kBlock) != kBlock) Die("write");
  }
  if (fsync(fd) != 0) Die("fsync");
  for (int i = 0; i < syncs; ++i) {
    const double begin = Micros(CLOCK_MONOTONIC);
    if (pwrite(fd, block, kBlock, (off_t)(i % kBlocks) * kBlock) != kBlock) Die("write");
    if (fdatasync(fd) != 0) Die("fdatasync");
    took[i] = Micros(CLOCK_MONOTONIC) - begin;
  }
  close(fd);
  unlink(path);
  qsort(took, (size_t)syncs, sizeof took[0], Compare);
  *p50 = took[syncs / 2];
  *p99 = took[syncs * 99 / 100];
}

/// Steps of a generator, each of which needs the last one's result: the core's speed.
static double MeasureLoop(void) {
  const double begin = Micros(CLOCK_THREAD_CPUTIME_ID);
  volatile uint64_t keep;
  uint64_t state = 88172645463325252u;
  for (int i = 0; i < 30 * 1000 * 1000; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  keep = state;
  (void)keep;
  return Micros(CLOCK_THREAD_CPUTIME_ID) - begin;
}

int main(int argc, char** argv) {
  const int syncs = argc > 2 ? atoi(argv[2]) : 200;
  if (argc < 2 || syncs < 1 || syncs > kMost) {
    fprintf(stderr, "usage: limits DIR [SYNCS]\n");
    return 2;
  }
  double p50 = 0, p99 = 0;
  MeasureSyncs(argv[1], syncs, &p50, &p99);
  printf("{\"fdatasync_p50_us\":%.1f,\"fdatasync_p99_us\":%.1f,\"loop_cpu_us\":%.1f}\n",
         p50, p99, MeasureLoop());
  return 0;
}
