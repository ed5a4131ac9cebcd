#pragma once

#include <string_view>

#include "http/message.hpp"

namespace millrace::http::internal {

/// Whether Accept-Encoding names gzip, or everything, without refusing it (q=0).
bool TakesGzip(std::string_view accept_encoding);

/// Compresses the body where that is worth it and the client takes it; says that this
/// depends on Accept-Encoding either way. Answers with an ETag stay as they are: it names
/// the bytes of the plain form. So do problems, which are completed later.
void Encode(Response& response, bool takes_gzip);

/// "00-<32>-<16>-<2>" of lower-case hex digits, none of the first two zero.
bool IsTraceparent(std::string_view text);

}  // namespace millrace::http::internal
