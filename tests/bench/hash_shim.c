// LD_PRELOAD: a password that was hashed once with a setting is not hashed again.
//
// A login is measured without its hash, on both sides alike (nest/src/identity.ts has the
// same): the hash is as dear wherever it is made, and fifty times the rest of the
// request.
#define _GNU_SOURCE
#include <crypt.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

enum { kPairs = 4096, kText = 128 };  // a power of two, and no more passwords than half

static struct Pair {
  char phrase[kText], setting[kText], hash[kText];
} pairs[kPairs];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned HashOf(const char* text, unsigned hash) {
  for (; *text; ++text) hash = (hash ^ (unsigned char)*text) * 16777619u;
  return hash;
}

static struct Pair* PlaceOf(const char* phrase, const char* setting) {
  unsigned at = HashOf(setting, HashOf(phrase, 2166136261u)) % kPairs;
  while (*pairs[at].hash && (strcmp(pairs[at].phrase, phrase) != 0 ||
                             strcmp(pairs[at].setting, setting) != 0)) {
    at = (at + 1) % kPairs;
  }
  return &pairs[at];
}

char* crypt_rn(const char* phrase, const char* setting, void* data, int size) {
  struct crypt_data* out = data;
  pthread_mutex_lock(&lock);
  const struct Pair* known = PlaceOf(phrase, setting);
  const int found = *known->hash != 0;
  if (found) strcpy(out->output, known->hash);
  pthread_mutex_unlock(&lock);
  if (found) return out->output;

  char* (*real)(const char*, const char*, void*, int) = dlsym(RTLD_NEXT, "crypt_rn");
  char* hash = real(phrase, setting, data, size);
  if (hash && strlen(phrase) < kText && strlen(setting) < kText && strlen(hash) < kText) {
    pthread_mutex_lock(&lock);
    struct Pair* pair = PlaceOf(phrase, setting);
    strcpy(pair->phrase, phrase);
    strcpy(pair->setting, setting);
    strcpy(pair->hash, hash);
    pthread_mutex_unlock(&lock);
  }
  return hash;
}
