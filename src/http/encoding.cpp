#include "encoding.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "ascii.hpp"
#include "http/gzip.hpp"

namespace millrace::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  ///< zlib's way to ask for the gzip form
constexpr int kMemory = 8;            ///< zlib's default
constexpr std::size_t kWorthIt = 1024;
constexpr std::size_t kUnpackStep = 64u << 10u;

std::string_view Trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The part before the first `separator`; `text` begins behind it then.
std::string_view CutAt(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return Trimmed(part);
}

/// "q=0", "q=0.000".
bool IsNever(std::string_view weight) {
  return (weight.starts_with("q=0") || weight.starts_with("Q=0")) &&
         weight.find_first_not_of("0.", 2) == std::string_view::npos;
}

bool IsText(std::string_view content_type) {
  return content_type.empty() || content_type.starts_with("application/json") ||
         content_type.starts_with("text/");
}

bool HasHeader(const Response& response, std::string_view lower_case_name) {
  return std::ranges::any_of(response.headers, [&](const auto& header) {
    return EqualsLowerCase(header.first, lower_case_name);
  });
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsZero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::string Gzip(std::string_view plain) {
  z_stream stream{};
  std::string out;
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK)
    return out;
  out.resize(::deflateBound(&stream, plain.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  ::deflateEnd(&stream);
  return out;
}

Result<std::string> Gunzip(std::string_view packed, std::size_t limit) {
  z_stream stream{};
  if (::inflateInit2(&stream, kGzipWindow) != Z_OK)
    return Fail(ErrorCode::kInternal, "no memory to unpack");
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int state = Z_OK;
  while (state == Z_OK && out.size() < limit) {
    const auto have = out.size();
    out.resize(std::min(limit, std::max(have + kUnpackStep, 2 * have)));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + have);
    stream.avail_out = static_cast<uInt>(out.size() - have);
    state = ::inflate(&stream, Z_NO_FLUSH);
  }
  const bool whole = state == Z_STREAM_END;
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  if (!whole) return Fail(ErrorCode::kInvalidArgument, "not gzip, or too much of it");
  return out;
}

namespace internal {

bool TakesGzip(std::string_view accept_encoding) {
  bool everything = false;
  while (!accept_encoding.empty()) {
    auto parameters = CutAt(accept_encoding, ',');
    const auto coding = CutAt(parameters, ';');
    const bool taken = !IsNever(Trimmed(parameters));
    if (EqualsLowerCase(coding, "gzip") || EqualsLowerCase(coding, "x-gzip"))
      return taken;
    if (coding == "*") everything = taken;
  }
  return everything;
}

void Encode(Response& response, bool takes_gzip) {
  if (response.body.size() < kWorthIt || !IsText(response.content_type) ||
      HasHeader(response, "etag") || HasHeader(response, "content-encoding"))
    return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!takes_gzip) return;
  auto packed = Gzip(response.body);
  if (packed.empty() || packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

bool IsTraceparent(std::string_view text) {
  constexpr std::size_t kSize = 55;
  if (text.size() != kSize || !text.starts_with("00-")) return false;
  const auto trace = text.substr(3, 32), parent = text.substr(36, 16);
  return text[35] == '-' && text[52] == '-' && IsHex(trace) && IsHex(parent) &&
         IsHex(text.substr(53)) && !IsZero(trace) && !IsZero(parent);
}

}  // namespace internal
}  // namespace millrace::http
