#include "gateway/collection_routes.hpp"

#include <utility>

#include "base/json.hpp"
#include "fields.hpp"
#include "http/problem.hpp"
#include "page.hpp"

namespace millrace::gateway {
namespace {

std::string Describe(const schema::Collection& collection) {
  std::string out = "{\"collection\":";
  AppendJsonString(out, collection.name);
  out += ",\"key\":";
  AppendJsonString(out, collection.key);
  out += ',';
  AppendFields(out, collection.fields);
  out += ",\"system\":{\"_created_at\":";
  AppendJsonString(out, collection.created_at);
  out += ",\"_updated_at\":";
  AppendJsonString(out, collection.updated_at);
  out += ",\"_version\":";
  AppendJsonString(out, collection.version);
  out += "}}";
  return out;
}

}  // namespace

void CollectionRoutes::AddTo(http::Router& router) {
  using http::Method;
  router.Add(Method::kGet, "/api/collections",
             [this](const http::Request&, http::Responder responder) {
               std::vector<std::string> items;
               for (const auto& [name, codec] : codecs_) {
                 items.push_back(Describe(codec->collection()));
               }
               responder.Send(PageResponse(items, std::nullopt));
             });
  router.Add(
      Method::kGet, "/api/collections/{collection}",
      [this](const http::Request& request, http::Responder responder) {
        const auto found = codecs_.find(request.Param("collection"));
        if (found == codecs_.end()) {
          const Error error = UnknownCollection(request.Param("collection"), codecs_);
          return responder.Send(http::Problem(error, request.path, request.request_id));
        }
        responder.Send({.body = Describe(found->second->collection())});
      });
}

}  // namespace millrace::gateway
