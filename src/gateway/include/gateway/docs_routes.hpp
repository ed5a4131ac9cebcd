#pragma once

#include <string>

#include "http/router.hpp"

namespace millrace::gateway {

/// `GET /openapi.json`: the OpenAPI document of what is served here.
class DocsRoutes {
 public:
  /// `document` is JSON.
  explicit DocsRoutes(std::string document) : document_(std::move(document)) {}
  /// Outlives the server.
  void AddTo(http::Router& router);

 private:
  const std::string document_;
};

}  // namespace millrace::gateway
