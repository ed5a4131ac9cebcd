#include "fields.hpp"

#include <optional>
#include <string_view>

#include "base/json.hpp"

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

}  // namespace

void AppendFields(std::string& out, const std::vector<schema::Field>& fields) {
  out += "\"fields\":[";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += ',';
    AppendField(out, fields[i]);
  }
  out += ']';
}

}  // namespace millrace::gateway
