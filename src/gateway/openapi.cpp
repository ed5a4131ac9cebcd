#include "gateway/openapi.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "openapi_schema.hpp"
#include "openapi_template.hpp"

namespace millrace::gateway {
namespace {

using schema::Collection;

/// Parameters of lists and subscriptions that a field of the same name would hide.
constexpr std::array<std::string_view, 5> kTaken = {"order", "limit", "cursor",
                                                    "snapshot", "last_event_id"};

void AppendErrors(std::string& out, std::string_view statuses, bool closed) {
  bool first = true;
  while (!statuses.empty()) {
    const auto status = statuses.substr(0, statuses.find(' '));
    statuses.remove_prefix(std::min(status.size() + 1, statuses.size()));
    if (!closed && (status == "401" || status == "403")) continue;
    if (!std::exchange(first, false)) out += ", ";
    AppendJsonKey(out, status);
    out.append(R"({"$ref": "#/components/responses/)").append(status).append("\"}");
  }
}

std::vector<const schema::TypedName*> Filterable(const schema::Columns& columns) {
  std::vector<const schema::TypedName*> out;
  for (const auto& column : columns) {
    const bool value = column.type.scalar() && column.type.kind != schema::Kind::kJson &&
                       column.type.kind != schema::Kind::kBytes;
    if (value && std::ranges::find(kTaken, column.name) == kTaken.end())
      out.push_back(&column);
  }
  return out;
}

std::string FilterReferences(const Collection& collection) {
  std::string out;
  const auto columns = collection.DocumentColumns();
  for (const auto* column : Filterable(columns)) {
    out += R"({"$ref": "#/components/parameters/filter.)" + collection.name + '.' +
           column->name + "\"},";
  }
  return out;
}

void AppendFilters(std::string& out, const Collection& collection) {
  const auto columns = collection.DocumentColumns();
  for (const auto* column : Filterable(columns)) {
    AppendMemberName(out, "filter." + collection.name + '.' + column->name);
    out += '{';
    AppendMember(out, "name", column->name);
    AppendMember(out, "in", "query");
    AppendMember(out, "description",
                 "operator.value: eq, neq, gt, gte, lt, lte, like, ilike, in.(a,b), "
                 "is.null, is.not_null; not. before it turns it round (" +
                     column->type.ToString() + ')');
    out +=
        R"(,"style":"form","explode":true,"schema":{"type":"array","items":{"type":"string"}}})";
  }
}

std::string RecordPaths(const Collection& collection, bool closed) {
  return Fill(kRecordPaths,
              {{"c", collection.name},
               {"filters", FilterReferences(collection)},
               {"key", collection.key},
               {"key_schema", SchemaOf(collection.key_field().type)},
               {"record", ExampleOf(collection, BodyOf::kRecord)},
               {"create", ExampleOf(collection, BodyOf::kCreate)},
               {"replace", ExampleOf(collection, BodyOf::kReplace)},
               {"patch", ExampleOf(collection, BodyOf::kPatch)}},
              closed);
}

std::string StreamPaths(const ApiParts::StreamPart& stream, bool closed) {
  const Fillings fillings = {{"s", stream.events->name},
                             {"event", ExampleOf(*stream.events, BodyOf::kEvent)}};
  auto with_read = fillings;
  with_read["read"] = Fill(kReadEvents, fillings, closed);
  if (stream.built_in) return Fill(kBuiltInStreamPaths, with_read, closed);
  return Fill(stream.raw ? kRawStreamPaths : kStreamPaths, with_read, closed);
}

void AppendSchema(std::string& out, std::string_view kind, const Collection& collection,
                  BodyOf body) {
  AppendMemberName(out, std::string(kind) + '.' + collection.name);
  out += SchemaOf(collection, body);
}

std::string Paths(const ApiParts& parts) {
  std::string out;
  for (const auto* collection : parts.collections)
    out += RecordPaths(*collection, parts.closed) + ',';
  for (const auto& stream : parts.streams) out += StreamPaths(stream, parts.closed) + ',';
  out += Fill(kCollectionPaths, {}, parts.closed);
  if (parts.closed) out += ',' + Fill(kAuthPaths, {}, true);
  for (const auto paths : {kHealthPath, kOperatorPaths}) out.append(",").append(paths);
  return out;
}

std::string Components(const ApiParts& parts) {
  std::string schemas = "{", parameters = "{";
  schemas.append(kCommonSchemas).append(",").append(kSchemas);
  if (parts.closed) schemas.append(",").append(kAuthSchemas);
  parameters += kParameters;
  for (const auto* collection : parts.collections) {
    AppendSchema(schemas, "record", *collection, BodyOf::kRecord);
    AppendSchema(schemas, "create", *collection, BodyOf::kCreate);
    AppendSchema(schemas, "replace", *collection, BodyOf::kReplace);
    AppendSchema(schemas, "patch", *collection, BodyOf::kPatch);
    AppendFilters(parameters, *collection);
  }
  for (const auto& stream : parts.streams) {
    if (!stream.raw && !stream.built_in)
      AppendSchema(schemas, "event", *stream.events, BodyOf::kEvent);
  }
  std::string out = "{\"schemas\":" + schemas + "},\"parameters\":" + parameters + '}';
  out.append(",\"headers\":{").append(kHeaders).append("},\"responses\":{");
  out += kResponses;
  if (!parts.closed) return out += "}}";
  out.append(",").append(kAuthResponses).append("},\"requestBodies\":{");
  out.append(kAuthRequestBodies).append("},\"securitySchemes\":{");
  return out.append(kSecuritySchemes).append("}}");
}

}  // namespace

std::string Fill(std::string_view text, const Fillings& fillings, bool closed) {
  constexpr std::string_view kErrors = "errors ";
  std::string out;
  out.reserve(text.size() * 2);
  for (;;) {
    const auto begin = text.find('@');
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    const auto end = text.find('@', begin + 1);
    const auto name = text.substr(begin + 1, end - begin - 1);
    text.remove_prefix(end + 1);
    if (name.starts_with(kErrors)) {
      AppendErrors(out, name.substr(kErrors.size()), closed);
    } else {
      out += fillings.at(name);
    }
  }
}

std::string OpenApiDocument(const ApiParts& parts) {
  std::string out = R"({"openapi":"3.1.0","info":{)";
  AppendMember(out, "title", parts.title);
  AppendMember(out, "version", parts.version);
  out += '}';
  if (parts.closed) out += R"(,"security":[{"bearer":[]},{"api_key":[]}])";
  out += ",\"paths\":{" + Paths(parts) + "},\"components\":" + Components(parts);
  return out += '}';
}

}  // namespace millrace::gateway
