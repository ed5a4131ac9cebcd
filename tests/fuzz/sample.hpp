#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "schema/collection.hpp"

namespace millrace::fuzz {

/// A property that must hold for every input; what libFuzzer sees is a crash.
inline void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

/// A collection with a field of each kind.
inline schema::Collection Sample() {
  schema::Collection collection;
  collection.name = "sample";
  collection.key = "id";
  const auto add = [&](const char* name, const char* type) {
    schema::Field field;
    field.name = name;
    field.type = *schema::Type::Parse(type);
    collection.fields.push_back(std::move(field));
  };
  add("id", "text");
  add("flag", "boolean");
  add("small", "integer");
  add("big", "bigint");
  add("real", "double");
  add("amount", "decimal(10,2)");
  add("day", "date");
  add("at", "timestamp");
  add("uid", "uuid");
  add("any", "json");
  add("raw", "bytes");
  add("tags", "text[]");
  return collection;
}

/// `bytes` with simdjson's padding behind them.
inline std::string Padded(std::string_view bytes) {
  return std::string(bytes) + std::string(64, '\0');
}

}  // namespace millrace::fuzz
