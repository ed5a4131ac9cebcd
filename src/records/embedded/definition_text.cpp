#include "definition_text.hpp"

#include <optional>

namespace millrace::records {
namespace {

std::string FieldText(const schema::Field& field) {
  std::string text = field.type.ToString();
  const auto add = [&text](std::string_view name,
                           const std::optional<std::string>& value) {
    if (value) text.append(" ").append(name).append("=").append(*value);
  };
  const auto add_length = [&add](std::string_view name,
                                 const std::optional<std::uint32_t>& length) {
    if (length) add(name, std::to_string(*length));
  };
  if (field.required) text += " required";
  add("default", field.default_json);
  add("min", field.min_json);
  add("max", field.max_json);
  add_length("min_length", field.min_length);
  add_length("max_length", field.max_length);
  if (field.in_json.empty()) return text;
  text += " in=[";
  for (std::size_t i = 0; i < field.in_json.size(); ++i) {
    text += (i > 0 ? "," : "") + field.in_json[i];
  }
  return text + "]";
}

std::string ListLine(std::string_view what, const std::vector<std::string>& fields) {
  std::string line(what);
  line += " (";
  for (std::size_t i = 0; i < fields.size(); ++i) line += (i > 0 ? ", " : "") + fields[i];
  return line + ")";
}

}  // namespace

std::string UniqueLine(const std::vector<std::string>& fields) {
  return ListLine("unique", fields);
}

DefinitionLines SystemLines(const schema::Collection& collection) {
  return {{"system _created_at", collection.created_at},
          {"system _updated_at", collection.updated_at},
          {"system _version", collection.version}};
}

DefinitionLines DefinitionOf(const schema::Collection& collection) {
  auto lines = SystemLines(collection);
  lines["key"] = collection.key;
  for (const auto& field : collection.fields) {
    lines["field " + field.name] = FieldText(field);
  }
  for (const auto& fields : collection.indexes) lines[ListLine("index", fields)] = "";
  for (const auto& fields : collection.unique) lines[UniqueLine(fields)] = "";
  return lines;
}

std::string ToText(const DefinitionLines& lines) {
  std::string text;
  for (const auto& [name, value] : lines) text += name + "\t" + value + "\n";
  return text;
}

DefinitionLines ParseDefinition(std::string_view text) {
  DefinitionLines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    lines.emplace(line.substr(0, tab), line.substr(tab + 1));
  }
  return lines;
}

}  // namespace millrace::records
