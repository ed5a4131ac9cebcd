#include "cursor_key.hpp"

#include <sys/random.h>

#include <cstdlib>

namespace millrace::app {
namespace {

constexpr std::size_t kKeyBytes = 32;

std::string RandomKey() {
  std::string key(kKeyBytes, '\0');
  // So few bytes come whole once the machine has started.
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    std::abort();
  return key;
}

}  // namespace

std::string CursorKey(const DataPaths& paths) {
  namespace fs = std::filesystem;
  auto kept = ReadFile(paths.cursor_key(), kKeyBytes);
  if (kept && kept->size() == kKeyBytes) return *std::move(kept);
  auto key = RandomKey();
  if (WriteFileDurably(paths.cursor_key(), key)) {
    std::error_code ignored;
    fs::permissions(paths.cursor_key(), fs::perms::owner_read | fs::perms::owner_write,
                    ignored);
  }
  return key;
}

}  // namespace millrace::app
