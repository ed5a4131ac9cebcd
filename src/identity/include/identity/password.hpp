#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::identity {

enum class PasswordScheme : std::uint8_t {
  kArgon2id,  ///< 19 MiB, 2 passes, 1 lane: what new projects use
  kBcrypt,    ///< cost 10: for users that another system also knows
};

/// A hash with a salt of its own, in the usual text form: `$argon2id$…`, `$2b$10$…`.
/// Takes tens of milliseconds of CPU: not for a loop's thread. bcrypt looks at 72 bytes
/// without NUL; longer passwords, and those with NUL, are hashed with SHA-384 before. Any
/// thread. kInternal: no random bytes, or no memory.
Result<std::string> HashPassword(std::string_view password, PasswordScheme scheme);

struct PasswordCheck {
  bool right = false;
  bool needs_upgrade = false;  ///< right, but weaker than `wanted`, or another scheme
};

/// As dear as HashPassword, of whichever scheme `hash` is. A hash of an unknown form is
/// never right. Any thread.
PasswordCheck CheckPassword(std::string_view password, const std::string& hash,
                            PasswordScheme wanted);

}  // namespace millrace::identity
