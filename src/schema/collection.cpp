#include "schema/collection.hpp"

namespace millrace::schema {

std::optional<std::size_t> Collection::Find(std::string_view field) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == field) return i;
  }
  return std::nullopt;
}

Columns Collection::DocumentColumns() const {
  Columns columns;
  columns.reserve(fields.size() + 3);
  for (const auto& field : fields) columns.push_back({field.name, field.type});
  for (const auto* time : {&created_at, &updated_at}) {
    if (!time->empty()) columns.push_back({*time, Type::Simple(Kind::kTimestamp)});
  }
  columns.push_back({version, Type::Simple(Kind::kText)});
  return columns;
}

}  // namespace millrace::schema
