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
             [this](const auto& request, auto responder) {
               List(request, std::move(responder));
             });
  router.Add(Method::kGet, "/api/collections/{collection}",
             [this](const auto& request, auto responder) {
               Get(request, std::move(responder));
             });
}

void CollectionRoutes::List(const http::Request& request, http::Responder responder) {
  const auto who = WhoIs(access_, request);
  if (!who) {
    return responder.Send(http::Problem(who.error(), request.path, request.request_id));
  }
  std::vector<std::string> items;
  for (const auto& [name, codec] : codecs_) {
    if (Opens(access_, *who, name, query::kOperations))
      items.push_back(Describe(codec->collection()));
  }
  responder.Send(PageResponse(items, std::nullopt));
}

void CollectionRoutes::Get(const http::Request& request, http::Responder responder) {
  const auto refuse = [&](const Error& error) {
    responder.Send(http::Problem(error, request.path, request.request_id));
  };
  const auto who = WhoIs(access_, request);
  if (!who) return refuse(who.error());
  const auto name = std::string(request.Param("collection"));
  const auto found = codecs_.find(name);
  if (found == codecs_.end() || !Opens(access_, *who, name, query::kOperations)) {
    return refuse(UnknownCollection(name, codecs_, access_));
  }
  responder.Send({.body = Describe(found->second->collection())});
}

}  // namespace millrace::gateway
