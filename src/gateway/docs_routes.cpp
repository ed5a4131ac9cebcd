#include "gateway/docs_routes.hpp"

#include <utility>

namespace millrace::gateway {

void DocsRoutes::AddTo(http::Router& router) {
  router.Add(http::Method::kGet, "/openapi.json",
             [this](const http::Request&, http::Responder responder) {
               responder.Send({.body = document_});
             });
}

}  // namespace millrace::gateway
