#include "identity/token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <simdjson.h>

#include <array>

#include "base/bytes.hpp"
#include "base/json_member.hpp"

namespace millrace::identity {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::unexpected<Error> Refuse(std::string_view reason) {
  return Fail(ErrorCode::kUnauthenticated, std::string(reason));
}

std::string SignatureOf(std::string_view signed_part, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(),
       mac.data(), &size);
  return EncodeBase64Url({reinterpret_cast<const char*>(mac.data()), size});
}

bool Equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The members of a part of the token, alive as long as `parser`.
Result<dom::object> Decode(std::string_view part, dom::parser& parser) {
  const auto text = DecodeBase64Url(part);
  dom::object object;
  if (!text ||
      parser.parse(simdjson::padded_string(*text)).get(object) != simdjson::SUCCESS)
    return Refuse("invalid token");
  return object;
}

std::string TextOf(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// Whole seconds; nothing where the member is no number.
std::optional<std::int64_t> SecondsOf(const dom::object& object, std::string_view name) {
  std::int64_t whole = 0;
  if (object[name].get(whole) == simdjson::SUCCESS) return whole;
  double real = 0;
  if (object[name].get(real) != simdjson::SUCCESS || !(real > -1e15 && real < 1e15))
    return std::nullopt;
  return static_cast<std::int64_t>(real);
}

Status CheckHeader(std::string_view header) {
  dom::parser parser;
  MR_TRY(const auto object, Decode(header, parser));
  if (TextOf(object, "alg") != "HS256") return Refuse("invalid algorithm");
  return {};
}

Result<TokenClaims> ReadClaims(std::string_view payload, std::int64_t now_s) {
  dom::parser parser;
  MR_TRY(const auto object, Decode(payload, parser));
  if (object["nbf"].error() == simdjson::SUCCESS &&
      SecondsOf(object, "nbf").value_or(now_s + 1) > now_s) {
    return Refuse("jwt not active");
  }
  const auto exp = SecondsOf(object, "exp");
  if (!exp) return Refuse("invalid exp value");
  if (now_s >= *exp) return Refuse("jwt expired");
  return TokenClaims{TextOf(object, "email"), TextOf(object, "sub"),
                     SecondsOf(object, "iat").value_or(0), *exp};
}

}  // namespace

std::string SignToken(const TokenClaims& claims, std::string_view secret) {
  std::string payload = "{";
  AppendMember(payload, "email", claims.email);
  AppendMember(payload, "sub", claims.sub);
  AppendMember(payload, "iat", static_cast<std::uint64_t>(claims.iat));
  AppendMember(payload, "exp", static_cast<std::uint64_t>(claims.exp));
  payload += '}';
  auto token = EncodeBase64Url(kHeader) + '.' + EncodeBase64Url(payload);
  const auto signature = SignatureOf(token, secret);
  return token += '.' + signature;
}

Result<TokenClaims> VerifyToken(std::string_view token, std::string_view secret,
                                std::int64_t now_s) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) return Refuse("jwt malformed");
  const auto signature = token.substr(last + 1);
  // The order of the library whose words these are.
  const auto header = CheckHeader(token.substr(0, first));
  if (!header && header.error().message() == "invalid token") return Fail(header.error());
  if (signature.empty()) return Refuse("jwt signature is required");
  MR_CHECK_OK(header);
  if (!Equal(signature, SignatureOf(token.substr(0, last), secret)))
    return Refuse("invalid signature");
  return ReadClaims(token.substr(first + 1, last - first - 1), now_s);
}

Result<std::string> NewSecret() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1)
    return Fail(ErrorCode::kInternal, "no random bytes");
  return EncodeBase64Url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace millrace::identity
