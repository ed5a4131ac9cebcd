#include "http/query.hpp"

#include "ascii.hpp"

namespace millrace::http {
namespace {

/// Value of a hex digit, or -1.
int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Status DecodeInto(std::string& out, std::string_view text, bool plus_is_blank) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_blank) {
      c = ' ';
    } else if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Fail(ErrorCode::kInvalidArgument,
                    "a % in the URL is not followed by two hex digits");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return Fail(ErrorCode::kInvalidArgument, "the URL contains NUL");
    out += c;
  }
  return {};
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  MR_CHECK_OK(DecodeInto(out, text, false));
  return out;
}

void AppendPercentEncoded(std::string& out, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsAlphaNumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4u];
    out += kDigits[byte & 15u];
  }
}

Result<std::vector<QueryParam>> ParseQuery(std::string_view raw) {
  std::vector<QueryParam> params;
  while (!raw.empty()) {
    const auto piece = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(piece.size() + 1, raw.size()));
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    QueryParam param;
    MR_CHECK_OK(DecodeInto(param.name, piece.substr(0, equals), true));
    if (equals != std::string_view::npos) {
      MR_CHECK_OK(DecodeInto(param.value, piece.substr(equals + 1), true));
    }
    params.push_back(std::move(param));
  }
  return params;
}

}  // namespace millrace::http
