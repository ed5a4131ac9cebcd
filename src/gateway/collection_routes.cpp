#include "gateway/collection_routes.hpp"

#include <utility>

#include "base/json.hpp"
#include "http/problem.hpp"
#include "page.hpp"

namespace millrace::gateway {
namespace {

void AppendRule(std::string& out, std::string_view name,
                const std::optional<std::string>& json) {
  if (!json) return;
  out += ',';
  AppendJsonKey(out, name);
  out += *json;
}

void AppendField(std::string& out, const schema::Field& field) {
  out += "{\"name\":";
  AppendJsonString(out, field.name);
  out += ",\"type\":";
  AppendJsonString(out, field.type.ToString());
  out += field.required ? ",\"required\":true" : ",\"required\":false";
  AppendRule(out, "default", field.default_json);
  AppendRule(out, "min", field.min_json);
  AppendRule(out, "max", field.max_json);
  if (!field.in_json.empty()) {
    out += ",\"in\":[";
    for (std::size_t i = 0; i < field.in_json.size(); ++i) {
      if (i > 0) out += ',';
      out += field.in_json[i];
    }
    out += ']';
  }
  if (field.max_length) {
    out += ",\"max_length\":";
    AppendUint(out, *field.max_length);
  }
  if (field.generate != schema::Generate::kNone) out += ",\"generated\":true";
  out += '}';
}

std::string Describe(const schema::Collection& collection) {
  std::string out = "{\"collection\":";
  AppendJsonString(out, collection.name);
  out += ",\"key\":";
  AppendJsonString(out, collection.key);
  out += ",\"fields\":[";
  for (std::size_t i = 0; i < collection.fields.size(); ++i) {
    if (i > 0) out += ',';
    AppendField(out, collection.fields[i]);
  }
  out += "],\"system\":{\"_created_at\":";
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
