#include "iceberg_schema.hpp"

#include <algorithm>
#include <cctype>

#include "sql/engine.hpp"

namespace millrace::lake {
namespace {

using schema::Kind;
using schema::Type;

constexpr const char* kElement = "element";

struct KindName {
  Kind kind;
  const char* name;
};
constexpr KindName kNames[] = {
    {Kind::kText, "string"}, {Kind::kBoolean, "boolean"},       {Kind::kInteger, "int"},
    {Kind::kBigint, "long"}, {Kind::kDouble, "double"},         {Kind::kDate, "date"},
    {Kind::kUuid, "uuid"},   {Kind::kTimestamp, "timestamptz"}, {Kind::kBytes, "binary"},
};

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

/// Iceberg has no type for JSON.
Type Stored(Type type) {
  if (type.kind == Kind::kJson) type.kind = Kind::kText;
  for (auto& child : type.children) child.type = Stored(std::move(child.type));
  return type;
}

IcebergField NewField(std::string name, Type type, int& last_id) {
  IcebergField field{++last_id, std::move(name), std::move(type), {}};
  for (const auto& child : field.type.children) {
    const bool array = field.type.kind == Kind::kArray;
    field.children.push_back(
        NewField(array ? kElement : child.name, child.type, last_id));
  }
  return field;
}

/// Ids stay: only scalars and the elements of arrays become wider.
void SetType(IcebergField& field, const Type& type) {
  field.type = type;
  for (std::size_t i = 0; i < field.children.size(); ++i) {
    SetType(field.children[i], type.children[i].type);
  }
}

Json TypeToJson(const IcebergField& field) {
  const Type& type = field.type;
  if (type.kind == Kind::kArray) {
    const auto& element = field.children.front();
    return {{"type", "list"},
            {"element-id", element.id},
            {"element", TypeToJson(element)},
            {"element-required", false}};
  }
  if (type.kind == Kind::kObject) {
    Json fields = Json::array();
    for (const auto& child : field.children) {
      fields.push_back({{"id", child.id},
                        {"name", child.name},
                        {"required", false},
                        {"type", TypeToJson(child)}});
    }
    return {{"type", "struct"}, {"fields", std::move(fields)}};
  }
  if (type.kind == Kind::kDecimal) {
    return "decimal(" + std::to_string(type.precision) + ", " +
           std::to_string(type.scale) + ")";
  }
  return std::ranges::find(kNames, type.kind, &KindName::kind)->name;
}

Type ScalarNamed(const std::string& name) {
  if (name.starts_with("decimal")) {
    return Type::Parse(name).value_or(Type::Simple(Kind::kText));
  }
  const auto* found = std::ranges::find(kNames, name, &KindName::name);
  return Type::Simple(found == std::end(kNames) ? Kind::kText : found->kind);
}

IcebergField FieldFromJson(int id, std::string name, const Json& json) {
  IcebergField field{id, std::move(name), {}, {}};
  if (json.is_string()) {
    field.type = ScalarNamed(json.get<std::string>());
    return field;
  }
  if (json.at("type") == "list") {
    field.type = Type::Simple(Kind::kArray);
    field.children.push_back(
        FieldFromJson(json.at("element-id"), kElement, json.at("element")));
    field.type.children.push_back({"", field.children.front().type});
    return field;
  }
  field.type = Type::Simple(Kind::kObject);
  for (const auto& child : json.at("fields")) {
    field.children.push_back(
        FieldFromJson(child.at("id"), child.at("name"), child.at("type")));
    field.type.children.push_back(
        {field.children.back().name, field.children.back().type});
  }
  return field;
}

std::string IdsOf(const IcebergField& field) {
  const auto id = std::to_string(field.id);
  if (field.children.empty()) return id;
  std::string out = "{__duckdb_field_id: " + id;
  for (const auto& child : field.children) {
    out += ", " + sql::QuoteName(child.name) + ": " + IdsOf(child);
  }
  return out + "}";
}

}  // namespace

Result<bool> Extend(IcebergSchema& schema, const schema::Columns& columns, int& last_id) {
  bool changed = false;
  for (const auto& column : columns) {
    const auto type = Stored(column.type);
    const auto known = std::ranges::find_if(schema.fields, [&](const auto& field) {
      return SameName(field.name, column.name);
    });
    if (known == schema.fields.end()) {
      schema.fields.push_back(NewField(column.name, type, last_id));
      changed = true;
    } else if (!schema::Widens(type, known->type)) {
      if (!schema::Widens(known->type, type)) {
        return Fail(ErrorCode::kInvalidArgument, "column " + column.name + " is " +
                                                     type.ToSql() + " in the lake, and " +
                                                     known->type.ToSql() +
                                                     " in the copy: make a new copy");
      }
      SetType(*known, type);
      changed = true;
    }
  }
  return changed;
}

Json ToJson(const IcebergSchema& schema) {
  IcebergField root{0, "", Type::Simple(Kind::kObject), schema.fields};
  Json json = TypeToJson(root);
  json["schema-id"] = schema.id;
  return json;
}

IcebergSchema SchemaFromJson(const Json& json) {
  return {json.at("schema-id"), FieldFromJson(0, "", json).children};
}

schema::Columns ColumnsOf(const IcebergSchema& schema) {
  schema::Columns columns;
  for (const auto& field : schema.fields) columns.push_back({field.name, field.type});
  return columns;
}

std::string FieldIdsSql(const IcebergSchema& schema) {
  std::string out;
  for (const auto& field : schema.fields) {
    out += (out.empty() ? "{" : ", ") + sql::QuoteName(field.name) + ": " + IdsOf(field);
  }
  return out + "}";
}

}  // namespace millrace::lake
