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

schema::Collection Users() {
  const auto text = schema::Type::Simple(schema::Kind::kText);
  schema::Collection users;
  users.name = "users";
  users.key = "id";
  users.fields = {{.name = "id", .type = text, .generate = schema::Generate::kUuidV7},
                  {.name = "email", .type = text, .required = true}};
  users.unique = {{"email"}};
  return users;
}

query::Access RulesOfUsers() {
  query::Access access;
  const auto own = query::Rule::Parse("id = auth.user_id or auth.role = 'admin'",
                                      Users().DocumentColumns());
  for (const auto operation :
       {query::Operation::kList, query::Operation::kGet, query::Operation::kLive})
    access.rules[static_cast<std::size_t>(operation)] = *own;
  return access;
}

}  // namespace millrace::project
