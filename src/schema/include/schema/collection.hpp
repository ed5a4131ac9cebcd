#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/type.hpp"

namespace millrace::schema {

enum class Generate : std::uint8_t { kNone, kUuidV7, kObjectId, kSequence };

/// A field of a collection and its rules. Rules hold canonical JSON literals (see
/// record_codec.hpp), so that they compare as stored values do.
struct Field {
  std::string name;
  Type type;
  bool required = false;
  std::optional<std::string> default_json = {};
  std::optional<std::string> min_json = {};
  std::optional<std::string> max_json = {};
  std::vector<std::string> in_json = {};  ///< empty: anything
  /// Code points; bytes for kBytes; items for arrays.
  std::optional<std::uint32_t> min_length = {};
  std::optional<std::uint32_t> max_length = {};
  Generate generate = Generate::kNone;  ///< only on the key
};

/// A typed set of records with one scalar key. Field names match [A-Za-z][A-Za-z0-9_]*,
/// unique ignoring case; a leading `_` is ours.
struct Collection {
  std::string name;
  std::string key;
  std::vector<Field> fields;  ///< declared order, the key among them
  std::vector<std::vector<std::string>> indexes;
  std::vector<std::vector<std::string>> unique;
  /// System fields under the names the project gives them, appended to each document in
  /// this order. An empty time is left out: events of a stream have their `_ts` alone.
  std::string created_at = "_created_at";  ///< timestamp
  std::string updated_at = "_updated_at";  ///< timestamp
  std::string version = "_version";        ///< text, 32 hex digits

  /// Index of the field, or nullopt.
  std::optional<std::size_t> Find(std::string_view field) const;
  const Field& key_field() const { return fields[*Find(key)]; }
  /// Declared fields, then the system fields: what a document holds, in its order.
  Columns DocumentColumns() const;
};

inline constexpr std::size_t kMaxKeyBytes = 512;

}  // namespace millrace::schema
