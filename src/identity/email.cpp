#include <algorithm>
#include <ranges>
#include <string_view>

#include "identity/sign_up.hpp"

namespace millrace::identity {
namespace {

constexpr std::size_t kMaxEmail = 254;
constexpr std::size_t kMaxUser = 64;
constexpr std::size_t kMaxLabel = 63;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
/// Part of a character beyond ASCII; the body was valid UTF-8.
bool IsWide(char c) { return static_cast<unsigned char>(c) >= 0x80; }

bool IsUserPart(std::string_view part) {
  static constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  return !part.empty() && std::ranges::all_of(part, [](char c) {
    return IsLetter(c) || IsDigit(c) || IsWide(c) || kMarks.contains(c);
  });
}

bool IsQuotedUser(std::string_view user) {
  if (user.size() < 2 || !user.ends_with('"')) return false;
  const auto inside = user.substr(1, user.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    if (c == '\\') {
      if (++i == inside.size()) return false;
    } else if (c == '"' || (!IsWide(c) && (c < ' ' || c == 0x7f))) {
      return false;
    }
  }
  return true;
}

bool IsUser(std::string_view user) {
  if (user.size() > kMaxUser) return false;
  if (user.starts_with('"')) return IsQuotedUser(user);
  return std::ranges::all_of(std::views::split(user, '.'), [](auto part) {
    return IsUserPart(std::string_view(part));
  });
}

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && !label.starts_with('-') &&
         !label.ends_with('-') && std::ranges::all_of(label, [](char c) {
           return IsLetter(c) || IsDigit(c) || IsWide(c) || c == '-';
         });
}

bool IsTopLevel(std::string_view label) {
  if (label.starts_with("xn")) return label.size() >= 4;
  return label.size() >= 2 &&
         std::ranges::all_of(label, [](char c) { return IsLetter(c) || IsWide(c); });
}

bool IsDomain(std::string_view domain) {
  const auto dot = domain.rfind('.');
  return dot != std::string_view::npos && IsTopLevel(domain.substr(dot + 1)) &&
         std::ranges::all_of(std::views::split(domain, '.'),
                             [](auto label) { return IsLabel(std::string_view(label)); });
}

}  // namespace

bool IsEmail(std::string_view text) {
  const auto at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && text.size() <= kMaxEmail &&
         IsUser(text.substr(0, at)) && IsDomain(text.substr(at + 1));
}

}  // namespace millrace::identity
