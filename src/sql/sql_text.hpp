#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace millrace::sql {

/// A block comment, which may hold others, as the engine reads it.
inline void SkipComment(std::string_view& text) {
  std::size_t depth = 0;
  do {
    const bool opens = text.starts_with("/*");
    const bool closes = text.starts_with("*/");
    depth += opens ? 1 : 0;
    depth -= closes ? 1 : 0;
    text.remove_prefix(opens || closes ? 2 : 1);
  } while (depth > 0 && !text.empty());
}

/// What stands between two words: white space and comments.
inline void SkipSpace(std::string_view& text) {
  for (;;) {
    if (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
      text.remove_prefix(1);
    } else if (text.starts_with("--")) {
      text.remove_prefix(std::min(text.size(), text.find_first_of("\r\n")));
    } else if (text.starts_with("/*")) {
      SkipComment(text);
    } else {
      return;
    }
  }
}

}  // namespace millrace::sql
