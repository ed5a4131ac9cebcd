// What one check of an Ed25519 signature costs, with OpenSSL alone:
//   ed25519 [CHECKS]
// checks the signatures of 64 messages of the size of an access token, in turn. Prints
// one line of JSON.
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kMessages = 64, kMessage = 420, kSignature = 64 };

static void Require(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "ed25519: %s\n", what);
  exit(1);
}

static double Micros(void) {
  struct timespec at;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

int main(int argc, char** argv) {
  const int checks = argc > 1 ? atoi(argv[1]) : 10000;
  Require(checks > 0, "usage: ed25519 [CHECKS]");
  static unsigned char messages[kMessages][kMessage], signatures[kMessages][kSignature];
  EVP_PKEY* key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  Require(key != NULL, "no key");
  for (int i = 0; i < kMessages; ++i) {
    memset(messages[i], 'a' + i % 26, kMessage);
    messages[i][0] = (unsigned char)i;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    size_t size = kSignature;
    Require(EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, signatures[i], &size, messages[i], kMessage) == 1,
            "not signed");
    EVP_MD_CTX_free(context);
  }
  const double begin = Micros();
  for (int i = 0; i < checks; ++i) {
    const int at = i % kMessages;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    Require(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signatures[at], kSignature, messages[at],
                                 kMessage) == 1,
            "a right signature is refused");
    EVP_MD_CTX_free(context);
  }
  printf("{\"checks\":%d,\"verify_us\":%.3f}\n", checks, (Micros() - begin) / checks);
  EVP_PKEY_free(key);
  return 0;
}
