#include "dot_env.hpp"

#include <algorithm>

namespace millrace::app {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view Trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool IsVariable(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '_';
  });
}

/// Without its quotes, or without the comment behind it.
std::string_view ValueOf(std::string_view text) {
  if (text.starts_with('"') || text.starts_with('\'')) {
    const auto end = text.find(text.front(), 1);
    if (end != std::string_view::npos) return text.substr(1, end - 1);
  }
  return Trim(text.substr(0, text.find(" #")));
}

}  // namespace

Result<Variables> ParseDotEnv(std::string_view text) {
  Variables variables;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    constexpr std::string_view kExport = "export ";
    if (line.starts_with(kExport)) line = Trim(line.substr(kExport.size()));
    const auto equals = line.find('=');
    const auto name = Trim(line.substr(0, equals));
    if (equals == std::string_view::npos || !IsVariable(name)) {
      // Not what stands there: it may be a secret.
      return Fail(ErrorCode::kInvalidArgument,
                  "line " + std::to_string(number) + ": expected NAME=value");
    }
    variables[std::string(name)] = ValueOf(Trim(line.substr(equals + 1)));
  }
  return variables;
}

}  // namespace millrace::app
