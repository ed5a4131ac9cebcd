#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/type.hpp"

namespace millrace::lake {

using Json = nlohmann::ordered_json;

/// A column of an Iceberg table, or what is inside of one. Readers find it in a file by
/// `id`, whatever its name or place.
struct IcebergField {
  int id = 0;
  std::string name;
  schema::Type type;                   ///< as it is stored: json is text
  std::vector<IcebergField> children;  ///< of an array ("element") or object
};

struct IcebergSchema {
  int id = 0;
  std::vector<IcebergField> fields;
};

/// Gives `schema` every column of `columns`: a new one gets ids above `last_id`, a known
/// one (whatever the case of its letters) the wider of both types. Whether that changed
/// anything; the schema's own id stays. kInvalidArgument naming a column whose types do
/// not go together.
Result<bool> Extend(IcebergSchema& schema, const schema::Columns& columns, int& last_id);

/// As in the table's metadata and in manifests. FromJson throws nlohmann's exceptions on
/// what is not a schema that ToJson made.
Json ToJson(const IcebergSchema& schema);
IcebergSchema SchemaFromJson(const Json& json);

/// The columns as files have them.
schema::Columns ColumnsOf(const IcebergSchema& schema);
/// The ids as FIELD_IDS of COPY: `{"a": 1, "list": {__duckdb_field_id: 2, element: 3}}`.
std::string FieldIdsSql(const IcebergSchema& schema);

}  // namespace millrace::lake
