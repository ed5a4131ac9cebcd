#pragma once

#include <string>
#include <string_view>

namespace millrace::pipeline {

/// ASCII lower case: names of columns are equal ignoring case.
inline std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace millrace::pipeline
