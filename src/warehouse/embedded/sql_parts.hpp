#pragma once

#include <string>
#include <string_view>

#include "table_sql.hpp"

/// Pieces of the statements of table_sql.cpp and insert_only_sql.cpp.
namespace millrace::warehouse {

inline constexpr std::string_view kOwnNames = "_mr_high, _mr_low, _mr_deleted";

/// The version of a row as one number, and as text.
std::string VersionOf(const std::string& alias);
std::string VersionText(const std::string& alias);
/// ", a, b", of `alias` unless it is empty.
std::string Names(const schema::Columns& columns, const std::string& alias);
/// The hash of a row's key.
std::string HashOf(const TableShape& shape);

}  // namespace millrace::warehouse
