#include "project/users.hpp"

namespace millrace::project {

schema::Collection UsersOfR0() {
  const auto text = schema::Type::Simple(schema::Kind::kText);
  schema::Collection users;
  users.name = "users";
  users.key = "id";
  users.fields = {{.name = "id", .type = text, .generate = schema::Generate::kObjectId},
                  {.name = "email", .type = text, .required = true},
                  {.name = "name", .type = text}};
  users.unique = {{"email"}};
  users.created_at = "createdAt";
  users.updated_at = "updatedAt";
  return users;
}

}  // namespace millrace::project
