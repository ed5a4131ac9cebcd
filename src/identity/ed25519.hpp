#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::identity {

/// A key pair of Ed25519 (RFC 8032). Immutable; copies share; any thread.
class Ed25519Key {
 public:
  /// kInternal: no random bytes.
  static Result<Ed25519Key> Make();
  /// From the 32 bytes of private_bytes(). kDataLoss for anything else.
  static Result<Ed25519Key> Load(std::string_view private_bytes);

  const std::string& private_bytes() const { return private_; }
  const std::string& public_bytes() const { return public_; }
  /// 64 bytes.
  std::string Sign(std::string_view message) const;
  bool Verify(std::string_view message, std::string_view signature) const;

 private:
  std::shared_ptr<void> key_;  ///< the library's
  std::string private_, public_;
};

/// SHA-256 of `data`, base64url.
std::string Sha256Text(std::string_view data);

}  // namespace millrace::identity
