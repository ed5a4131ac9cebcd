#pragma once

#include <string>

#include "base/result.hpp"
#include "identity/users.hpp"
#include "rpc/server.hpp"

namespace millrace::identity {

/// Names of the messages between gateway and identity, as R0 has them.
inline constexpr std::string_view kRegister = "auth_register";
inline constexpr std::string_view kLogin = "auth_login";
inline constexpr std::string_view kGetUsers = "auth_get_users";
inline constexpr std::string_view kValidateUser = "auth_validate_user";

/// The four of them, answered by `users`, which outlives them:
///   auth_register       {email, password, name?}  user object
///   auth_login          {email, password}         {accessToken, user}
///   auth_get_users      {}                        array of user objects
///   auth_validate_user  {userId}                  user object or null
/// Errors as ErrorMessage gives them. Every rule of a body holds here, too: others than
/// the gateway may send these.
rpc::Handlers MessageHandlers(Users& users, telemetry::Logger& log);

/// {"statusCode":409,"message":"…","error":"Conflict"}; `message` is an array of texts
/// where fields are wrong. Errors from 500 on keep their message to themselves.
std::string ErrorMessage(const Error& error);

}  // namespace millrace::identity
