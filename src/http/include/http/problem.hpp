#pragma once

#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace millrace::http {

/// The status of an error; the only place that maps one to the other.
int StatusOf(ErrorCode code);

/// RFC 9457 problem+json: type (urn:millrace:error:<code>), title, status, detail,
/// instance, errors [{pointer, detail}] and request_id. Adds Retry-After where a retry
/// makes sense, and WWW-Authenticate to a 401. Internal errors keep their message from
/// the caller: log them. `instance` is the path of the request; both may be empty and are
/// then left out.
Response Problem(const Error& error, std::string_view instance,
                 std::string_view request_id);

/// A problem with a status that no ErrorCode stands for (405, 408, 431).
Response ProblemOf(int status, std::string_view code, std::string_view detail,
                   std::string_view instance, std::string_view request_id);

/// "Not Found"; empty for a status we never send.
std::string_view ReasonOf(int status);

}  // namespace millrace::http
