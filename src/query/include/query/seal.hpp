#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::query {

/// What text that a client carries back to us is bound to.
struct Seal {
  std::string key;  ///< the installation's secret
  std::string of;   ///< all that must be the same then: route, query, who asks
};

/// `content` in base64url behind an HMAC-SHA256 of it, 128 bits, so that nobody can make
/// or change such a text without the key, nor use it for anything else. Any thread.
std::string SealText(const Seal& seal, std::string_view content);
/// The content; nullopt: made with another key, for something else, or changed.
std::optional<std::string> OpenSealed(const Seal& seal, std::string_view sealed);

}  // namespace millrace::query
