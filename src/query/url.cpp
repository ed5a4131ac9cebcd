#include "url.hpp"

namespace millrace::query {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view text, bool& broken) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      broken = true;
      return out;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// Takes a quoted part off `text`, which begins with its quote. False: never closed.
bool TakeQuoted(std::string_view& text, std::string& part) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    part += text[i];
  }
  return false;
}

}  // namespace

std::vector<Parameter> SplitParameters(std::string_view raw) {
  std::vector<Parameter> parameters;
  while (!raw.empty()) {
    const auto end = raw.find('&');
    const auto part = raw.substr(0, end);
    raw.remove_prefix(end == raw.npos ? raw.size() : end + 1);
    if (part.empty()) continue;
    Parameter parameter;
    const auto equals = part.find('=');
    parameter.name = Decode(part.substr(0, equals), parameter.broken);
    if (equals != part.npos) {
      parameter.value = Decode(part.substr(equals + 1), parameter.broken);
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

std::optional<std::vector<std::string>> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    std::string part;
    if (text.starts_with('"')) {
      if (!TakeQuoted(text, part)) return std::nullopt;
    } else {
      part = text.substr(0, text.find(','));
      text.remove_prefix(part.size());
      if (part.find('"') != part.npos) return std::nullopt;
    }
    parts.push_back(std::move(part));
    if (text.empty()) return parts;
    if (text[0] != ',') return std::nullopt;
    text.remove_prefix(1);
  }
}

}  // namespace millrace::query
