#pragma once

#include "gateway/record_routes.hpp"
#include "http/router.hpp"

namespace millrace::gateway {

/// `GET /api/collections` and `GET /api/collections/{collection}`: what the project
/// declares, so that a client (`millrace import`) needs nothing but the address.
/// {"collection","key","fields":[{"name","type","required",…}],"system":{…}}. In a closed
/// project: of collections that a rule opens to who asks; others are as if absent.
class CollectionRoutes {
 public:
  /// Both outlive the server; `access` null: an open project.
  explicit CollectionRoutes(const Codecs& codecs, const AccessControl* access = nullptr)
      : codecs_(codecs), access_(access) {}
  void AddTo(http::Router& router);

 private:
  void List(const http::Request& request, http::Responder responder);
  void Get(const http::Request& request, http::Responder responder);

  const Codecs& codecs_;
  const AccessControl* const access_;
};

}  // namespace millrace::gateway
