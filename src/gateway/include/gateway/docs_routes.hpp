#pragma once

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
  const std::string packed_document_, page_;
};

}  // namespace millrace::gateway
