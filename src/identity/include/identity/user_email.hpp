#pragma once

#include <span>

#include "base/result.hpp"
#include "schema/record_codec.hpp"

namespace millrace::identity {

/// Records of users on their way into the store, beside sign-up: their e-mail addresses
/// become as sign-up keeps them and logins look for them, ASCII letters in lower case.
/// kInvalidArgument with a FieldError for each text that is no address ("/email", in a
/// batch "/3/email"); the records are worth nothing then.
Status NormaliseEmails(std::span<schema::Draft> users, bool batch);
/// The same where a patch has one.
Status NormaliseEmail(schema::Patch& patch, const schema::Collection& users);

}  // namespace millrace::identity
