#pragma once

#include "gateway/record_routes.hpp"
#include "http/router.hpp"

namespace millrace::gateway {

/// `GET /api/collections` and `GET /api/collections/{collection}`: what the project
/// declares, so that a client (`millrace import`) needs nothing but the address.
/// {"collection","key","fields":[{"name","type","required",…}],"system":{…}}
class CollectionRoutes {
 public:
  explicit CollectionRoutes(const Codecs& codecs) : codecs_(codecs) {}
  void AddTo(http::Router& router);

 private:
  const Codecs& codecs_;
};

}  // namespace millrace::gateway
