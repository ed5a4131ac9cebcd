#include "identity/password.hpp"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <memory>

#include "base/bytes.hpp"

namespace millrace::identity {
namespace {

constexpr std::uint32_t kArgonKib = 19u << 10u;
constexpr std::uint32_t kArgonPasses = 2;
constexpr std::uint32_t kArgonLanes = 1;
constexpr std::size_t kArgonHashBytes = 32;
constexpr unsigned long kBcryptCost = 10;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kBcryptBytes = 72;
constexpr std::string_view kBcryptPrefix = "$2b$10$";

using Salt = std::array<char, kSaltBytes>;

Result<Salt> RandomSalt() {
  Salt salt{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), kSaltBytes) == 1)
    return salt;
  return Fail(ErrorCode::kInternal, "no random bytes");
}

/// What bcrypt can look at as a whole.
std::string ForBcrypt(std::string_view password) {
  if (password.size() <= kBcryptBytes && !password.contains('\0'))
    return std::string(password);
  std::array<unsigned char, SHA384_DIGEST_LENGTH> digest{};
  SHA384(reinterpret_cast<const unsigned char*>(password.data()), password.size(),
         digest.data());
  std::string text;
  AppendBase64(text, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  return text;
}

/// Empty: the setting is none that this library knows.
std::string Crypt(std::string_view password, const char* setting) {
  const auto data = std::make_unique<crypt_data>();
  auto text = ForBcrypt(password);
  const char* hash = crypt_rn(text.c_str(), setting, data.get(), sizeof *data);
  std::string out = hash != nullptr ? hash : "";
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(data.get(), sizeof *data);
  return out;
}

Result<std::string> Bcrypt(std::string_view password, const Salt& salt) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn("$2b$", kBcryptCost, salt.data(), kSaltBytes, setting.data(),
                       setting.size()) != nullptr) {
    auto hash = Crypt(password, setting.data());
    if (!hash.empty()) return hash;
  }
  return Fail(ErrorCode::kInternal, "bcrypt failed");
}

Result<std::string> Argon2id(std::string_view password, const Salt& salt) {
  std::array<char, 128> text{};
  const int failed = argon2id_hash_encoded(
      kArgonPasses, kArgonKib, kArgonLanes, password.data(), password.size(), salt.data(),
      salt.size(), kArgonHashBytes, text.data(), text.size());
  if (failed == ARGON2_OK) return std::string(text.data());
  return Fail(ErrorCode::kInternal,
              std::string("argon2: ") + argon2_error_message(failed));
}

bool IsBcrypt(std::string_view hash) {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

std::string_view ArgonPrefix() { return "$argon2id$v=19$m=19456,t=2,p=1$"; }

}  // namespace

Result<std::string> HashPassword(std::string_view password, PasswordScheme scheme) {
  MR_TRY(const auto salt, RandomSalt());
  return scheme == PasswordScheme::kBcrypt ? Bcrypt(password, salt)
                                           : Argon2id(password, salt);
}

PasswordCheck CheckPassword(std::string_view password, const std::string& hash,
                            PasswordScheme wanted) {
  PasswordCheck check;
  if (IsBcrypt(hash)) {
    const auto again = Crypt(password, hash.c_str());
    check.right = again.size() == hash.size() &&
                  CRYPTO_memcmp(again.data(), hash.data(), hash.size()) == 0;
  } else if (hash.starts_with("$argon2id$")) {
    check.right =
        argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
  }
  const auto prefix = wanted == PasswordScheme::kBcrypt ? kBcryptPrefix : ArgonPrefix();
  check.needs_upgrade = check.right && !hash.starts_with(prefix);
  return check;
}

}  // namespace millrace::identity
