#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "problems.hpp"
#include "rules.hpp"
#include "schema/record_codec.hpp"

namespace millrace::schema {

/// What RecordCodec makes of a collection once, so that a record costs no more than its
/// bytes. Immutable.
struct RecordTables {
  explicit RecordTables(const Collection& collection);

  struct Entry {
    std::string prefix;  ///< `{"order_id":` or `,"status":`
    std::string absent;  ///< literal of a field that is not given
    bool must_be_given = false;
    Rules rules;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  /// Index of the field; `hint` is tried first: clients keep to one order. npos: none.
  std::size_t Find(std::string_view name, std::size_t hint) const;
  /// "is not a field of orders; did you mean status?"
  std::string Unknown(std::string_view name) const;

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  std::string collection;
  std::vector<std::string> names;
  std::vector<Entry> entries;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index;
  std::size_t key = 0;
  bool key_generated = false;
  std::string created_prefix, updated_prefix, version_prefix;
};

struct RecordCodec::Tables : RecordTables {
  using RecordTables::RecordTables;
};

/// What is wrong with the text form of a key; empty if nothing.
std::string KeyProblem(std::string_view text);

}  // namespace millrace::schema
