#pragma once

#include "query/access.hpp"
#include "schema/collection.hpp"

namespace millrace::project {

/// The built-in collection `users` of `auth: {style: r0}`: id (24 hex digits), email
/// (unique), name, createdAt, updatedAt.
schema::Collection UsersOfR0();

/// That of every closed project, without its own fields: id (uuidv7), email (unique).
schema::Collection Users();

/// The rules of Users() where a project has none: each sees his own record,
/// administrators all; nobody creates (sign-up does), changes or deletes one.
query::Access RulesOfUsers();

}  // namespace millrace::project
