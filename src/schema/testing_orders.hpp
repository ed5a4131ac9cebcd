#pragma once

#include <string>
#include <string_view>

#include "schema/record_codec.hpp"

namespace millrace::schema {

/// The collection that the tests of this room check bodies against.
inline Collection Orders() {
  Type item = Type::Simple(Kind::kObject);
  item.children = {{"sku", Type::Simple(Kind::kText)}, {"price", Type::Decimal(10, 2)}};
  Type items = Type::Simple(Kind::kArray);
  items.children = {{"", item}};
  Collection orders;
  orders.name = "orders";
  orders.key = "order_id";
  orders.fields = {
      {.name = "order_id", .type = Type::Simple(Kind::kText)},
      {.name = "status",
       .type = Type::Simple(Kind::kText),
       .default_json = "\"new\"",
       .in_json = {"\"new\"", "\"paid\"", "\"shipped\""}},
      {.name = "amount",
       .type = Type::Decimal(10, 2),
       .required = true,
       .min_json = "\"0.00\"",
       .max_json = "\"1000.00\""},
      {.name = "quantity", .type = Type::Simple(Kind::kInteger), .min_json = "1"},
      {.name = "customer", .type = Type::Simple(Kind::kBigint)},
      {.name = "weight", .type = Type::Simple(Kind::kDouble), .max_json = "99.5"},
      {.name = "gift", .type = Type::Simple(Kind::kBoolean)},
      {.name = "due", .type = Type::Simple(Kind::kDate), .min_json = "\"2000-01-01\""},
      {.name = "placed_at", .type = Type::Simple(Kind::kTimestamp)},
      {.name = "trace", .type = Type::Simple(Kind::kUuid)},
      {.name = "photo", .type = Type::Simple(Kind::kBytes), .max_length = 4},
      {.name = "note",
       .type = Type::Simple(Kind::kText),
       .min_length = 2,
       .max_length = 5},
      {.name = "meta", .type = Type::Simple(Kind::kJson)},
      {.name = "items", .type = items, .max_length = 3},
      {.name = "shipping", .type = item},
  };
  return orders;
}

/// A body with the padding that the codec asks for.
inline std::string Padded(std::string_view body) {
  std::string out(body);
  out.reserve(body.size() + kJsonPadding);
  return out;
}

inline std::string Listed(const Error& error) {
  std::string out;
  for (const auto& field : error.fields()) {
    out += field.pointer + ": " + field.message + "\n";
  }
  return out.empty() ? error.message() : out;
}

}  // namespace millrace::schema
