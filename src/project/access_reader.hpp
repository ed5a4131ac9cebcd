#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "query/access.hpp"
#include "values.hpp"

namespace millrace::project {

/// `rules:`, of these operations, and `tenant:` of a collection or stream, whose
/// documents have `columns` (null: they could not be read, and the rules are left
/// unchecked). `content` is the file's.
query::Access ReadAccess(const Keys& keys, std::span<const query::Operation> operations,
                         const schema::Columns* columns, std::string_view content,
                         Report& report);

/// One rule over documents with `columns` (null: left unchecked). Nullopt: there is a
/// problem, or it was not checked.
std::optional<query::Rule> ReadRule(const Node& node, const schema::Columns* columns,
                                    std::string_view content, Report& report);

/// `rules: {list: …}` of a table, whose columns its SQL decides; its text is empty where
/// there is none.
SqlText ReadTableRule(const Keys& keys, std::string_view content, Report& report);

}  // namespace millrace::project
