/// Requests are the same however the network cuts their bytes; nothing is read past them.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "request_reader.hpp"
#include "sample.hpp"

namespace millrace::http::internal {
namespace {

constexpr std::size_t kHeaderLimit = 4096;

const RouteTable& Table() {
  static const auto table = [] {
    auto made = std::make_unique<RouteTable>();
    const auto nothing = [](const Request&, Responder) {};
    made->Add(Method::kGet, "/g", nothing, {}, {});
    made->Add(Method::kPost, "/p/{id}", nothing, {.body_limit = 1000}, {});
    return made;
  }();
  return *table;
}

std::vector<std::string> Feed(std::string_view bytes, std::size_t step) {
  RequestReader reader(Table(), kHeaderLimit);
  std::vector<std::string> found;
  for (;;) {
    const auto outcome = reader.Next();
    if (outcome == RequestReader::Outcome::kRefused) {
      found.push_back("refused " + std::to_string(reader.refusal().status));
      return found;
    }
    if (outcome == RequestReader::Outcome::kRequest) {
      const Request& request = reader.request();
      std::string text(ToString(request.method));
      text.append(" ").append(request.path).append("?").append(request.query);
      for (const auto& header : request.headers) {
        text.append("|").append(header.name).append(":").append(header.value);
      }
      text.append("[").append(request.body).append("]").append(request.Param("id"));
      found.push_back(std::move(text));
      reader.Consume();
      continue;
    }
    if (bytes.empty()) return found;
    const auto space = reader.Space();
    fuzz::Require(!space.empty(), "there is room for more bytes");
    const auto size = std::min({space.size(), bytes.size(), step});
    std::memcpy(space.data(), bytes.data(), size);
    reader.Commit(size);
    bytes.remove_prefix(size);
  }
}

}  // namespace
}  // namespace millrace::http::internal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::http::internal::Feed;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1 + data[0] % 64;
  millrace::fuzz::Require(Feed(bytes, step) == Feed(bytes, size),
                          "pieces give the same requests as the whole");
  return 0;
}
