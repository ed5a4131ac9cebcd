#include "docs_assets.hpp"

#include <array>
#include <utility>

namespace millrace::gateway {
namespace {

// Made by the build (CMakeLists.txt of this room) from the pinned Swagger UI.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
constexpr unsigned char kBundle[] = {
#embed "swagger-ui-bundle.js.gz"
};
constexpr unsigned char kStyle[] = {
#embed "swagger-ui.css.gz"
};
#pragma clang diagnostic pop

template <std::size_t size>
std::string_view Bytes(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

const DocsAsset* FindDocsAsset(std::string_view name) {
  static const std::array<std::pair<std::string_view, DocsAsset>, 2> kAssets = {{
      {"swagger-ui-bundle.js", {"text/javascript; charset=utf-8", Bytes(kBundle)}},
      {"swagger-ui.css", {"text/css; charset=utf-8", Bytes(kStyle)}},
  }};
  for (const auto& [known, asset] : kAssets) {
    if (known == name) return &asset;
  }
  return nullptr;
}

const std::string_view kDocsStart = R"js(window.ui = SwaggerUIBundle({
  url: "../openapi.json",  // of the page's own address, also behind a proxy's path
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,  // it would ask another server
});
)js";

}  // namespace millrace::gateway
