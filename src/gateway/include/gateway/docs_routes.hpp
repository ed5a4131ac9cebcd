#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "http/router.hpp"

namespace millrace::gateway {

/// The description of what is served here, for programs and for people:
///
///   GET /openapi.json        the OpenAPI document, also as `/api/docs-json`
///   GET /api/docs            a page that shows it (Swagger UI); `/api` leads there
///   GET /api/docs/{asset}    what that page is made of, out of the binary
///
/// The page may load nothing from elsewhere: its Content-Security-Policy forbids it.
class DocsRoutes {
 public:
  /// `document` is JSON; `title` is the page's.
  DocsRoutes(std::string_view document, std::string_view title);
  /// Outlives the server.
  void AddTo(http::Router& router);

 private:
  /// `packed` as it is where the client takes gzip, unpacked otherwise.
  http::Response PackedResponse(const http::Request& request,
                                std::string_view content_type, std::string_view packed);
  http::Response AssetResponse(const http::Request& request);

  const std::string packed_document_, page_;
  std::mutex mutex_;
  /// By the packed form, which lives as long: unpacking takes the loop too long to do it
  /// at each request.
  std::map<const char*, std::string> unpacked_;
};

}  // namespace millrace::gateway
