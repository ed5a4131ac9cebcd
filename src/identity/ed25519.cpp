#include "ed25519.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include "base/bytes.hpp"

namespace millrace::identity {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
DigestContext NewContext() { return {EVP_MD_CTX_new(), EVP_MD_CTX_free}; }

}  // namespace

Result<Ed25519Key> Ed25519Key::Make() {
  std::string bytes(kKeyBytes, '\0');
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), kKeyBytes) != 1)
    return Fail(ErrorCode::kInternal, "no random bytes");
  return Load(bytes);
}

Result<Ed25519Key> Ed25519Key::Load(std::string_view private_bytes) {
  Ed25519Key key;
  key.private_ = private_bytes;
  key.key_ = {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                           Bytes(private_bytes), private_bytes.size()),
              [](void* one) { EVP_PKEY_free(static_cast<EVP_PKEY*>(one)); }};
  key.public_.resize(kKeyBytes);
  std::size_t size = kKeyBytes;
  if (key.key_ == nullptr ||
      EVP_PKEY_get_raw_public_key(static_cast<EVP_PKEY*>(key.key_.get()),
                                  reinterpret_cast<unsigned char*>(key.public_.data()),
                                  &size) != 1)
    return Fail(ErrorCode::kDataLoss, "a signing key is damaged");
  return key;
}

std::string Ed25519Key::Sign(std::string_view message) const {
  const auto context = NewContext();
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  auto* key = static_cast<EVP_PKEY*>(key_.get());
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                     &size, Bytes(message), message.size()) != 1)
    return {};  // out of memory: a token that nobody believes
  return signature;
}

bool Ed25519Key::Verify(std::string_view message, std::string_view signature) const {
  const auto context = NewContext();
  auto* key = static_cast<EVP_PKEY*>(key_.get());
  return signature.size() == kSignatureBytes &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                          Bytes(message), message.size()) == 1;
}

std::string Sha256Text(std::string_view data) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(Bytes(data), data.size(), digest.data());
  return EncodeBase64Url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace millrace::identity
