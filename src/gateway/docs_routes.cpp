#include "gateway/docs_routes.hpp"

#include <utility>

#include "docs_assets.hpp"
#include "http/gzip.hpp"
#include "http/problem.hpp"

namespace millrace::gateway {
namespace {

constexpr std::size_t kMostUnpacked = 16u << 20u;
/// Swagger UI sets styles of its elements, and its icons are data.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
    "'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string EscapedForHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"') {
      out += "&#" + std::to_string(static_cast<int>(c)) + ';';
    } else {
      out += c;
    }
  }
  return out;
}

std::string PageOf(std::string_view title) {
  return R"(<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>)" +
         EscapedForHtml(title) + R"(</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script>
</body>
</html>
)";
}

}  // namespace

DocsRoutes::DocsRoutes(std::string_view document, std::string_view title)
    : packed_document_(http::Gzip(document)), page_(PageOf(title)) {}

http::Response DocsRoutes::PackedResponse(const http::Request& request,
                                          std::string_view content_type,
                                          std::string_view packed) {
  http::Response response;
  response.content_type = content_type;
  response.headers = {{"Vary", "Accept-Encoding"}};
  if (request.takes_gzip) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = packed;
  } else {
    const std::scoped_lock lock(mutex_);
    auto& plain = unpacked_[packed.data()];
    if (plain.empty()) plain = http::Gunzip(packed, kMostUnpacked).value_or("");
    response.body = plain;
  }
  return response;
}

http::Response DocsRoutes::AssetResponse(const http::Request& request) {
  const auto name = request.Param("asset");
  http::Response response;
  if (name == "start.js") {
    response.content_type = "text/javascript; charset=utf-8";
    response.body = kDocsStart;
  } else if (const auto* asset = FindDocsAsset(name)) {
    response = PackedResponse(request, asset->content_type, asset->packed);
  } else {
    const Error error(ErrorCode::kNotFound, "the page has no such file");
    return http::Problem(error, request.path, request.request_id);
  }
  response.headers.emplace_back("Cache-Control", "max-age=3600");
  return response;
}

void DocsRoutes::AddTo(http::Router& router) {
  using http::Method;
  using http::Request;
  using http::Responder;
  for (const auto* path : {"/openapi.json", "/api/docs-json"}) {
    router.Add(Method::kGet, path, [this](const Request& request, Responder responder) {
      responder.Send(PackedResponse(request, "application/json", packed_document_));
    });
  }
  router.Add(Method::kGet, "/api", [](const Request&, Responder responder) {
    responder.Send({.status = 302, .headers = {{"Location", "/api/docs"}}});
  });
  router.Add(Method::kGet, "/api/docs", [this](const Request&, Responder responder) {
    responder.Send({.content_type = "text/html; charset=utf-8",
                    .body = page_,
                    .headers = {{"Content-Security-Policy", std::string(kPolicy)},
                                {"Cache-Control", "no-cache"}}});
  });
  router.Add(Method::kGet, "/api/docs/{asset}",
             [this](const Request& request, Responder responder) {
               responder.Send(AssetResponse(request));
             });
}

}  // namespace millrace::gateway
