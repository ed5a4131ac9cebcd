#pragma once

#include "schema/collection.hpp"

namespace millrace::project {

/// The built-in collection `users` of `auth: {style: r0}`: id (24 hex digits), email
/// (unique), name, createdAt, updatedAt.
schema::Collection UsersOfR0();

}  // namespace millrace::project
