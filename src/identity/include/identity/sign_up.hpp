#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::identity {

/// Body of a sign-up, as R0 takes it.
struct SignUp {
  std::string email;  ///< as sent: no trimming, no lower case
  std::string password;
  std::optional<std::string> name;  ///< `name`, or else `username`
};

struct LogIn {
  std::string email;
  std::string password;
};

/// Reads a body and checks every rule: e-mail, password of 8 characters at least, no
/// other members. Numbers and booleans become text. A body that is no object counts as an
/// empty one; one that is no JSON as a single problem. kInvalidArgument with a FieldError
/// for each broken rule, worded and ordered as R0 does ("Email should not be empty.").
Result<SignUp> ReadSignUp(std::string_view body);
/// The same with R0's rules for a login: e-mail and password, not empty.
Result<LogIn> ReadLogIn(std::string_view body);

/// One JSON object each that reads back to the same.
std::string ToJson(const SignUp& input);
std::string ToJson(const LogIn& input);

/// Whether `text` is an address that mail could be sent to, as the library validator.js
/// decides with its defaults.
bool IsEmail(std::string_view text);

}  // namespace millrace::identity
