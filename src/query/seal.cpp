#include "query/seal.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/bytes.hpp"

namespace millrace::query {
namespace {

constexpr std::size_t kMacBytes = 16;

/// `of` has its length in front, so that nothing of it can be taken for content.
std::string MacOf(const Seal& seal, std::string_view content) {
  std::string text = std::to_string(seal.of.size());
  text.append("\n").append(seal.of).append(content);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), seal.key.data(), static_cast<int>(seal.key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
       &size);
  return {reinterpret_cast<const char*>(digest.data()), kMacBytes};
}

}  // namespace

std::string SealText(const Seal& seal, std::string_view content) {
  return EncodeBase64Url(MacOf(seal, content).append(content));
}

std::optional<std::string> OpenSealed(const Seal& seal, std::string_view sealed) {
  auto decoded = DecodeBase64Url(sealed);
  if (!decoded || decoded->size() < kMacBytes) return std::nullopt;
  auto content = decoded->substr(kMacBytes);
  const auto mac = MacOf(seal, content);
  if (CRYPTO_memcmp(decoded->data(), mac.data(), kMacBytes) != 0) return std::nullopt;
  return content;
}

}  // namespace millrace::query
