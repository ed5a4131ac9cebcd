#pragma once

#include <map>
#include <string>
#include <string_view>

namespace millrace::gateway {

/// What stands for `@name@` in a template.
using Fillings = std::map<std::string_view, std::string, std::less<>>;

/// JSON text with its `@name@` replaced, and `@errors 400 404@` by the responses of these
/// statuses (those of closed projects alone, 401 and 403, where `closed`).
std::string Fill(std::string_view text, const Fillings& fillings, bool closed);

// Members of `paths`, JSON without braces, each with the routes that serve it:
extern const std::string_view kRecordPaths;         ///< @c@, its @filters@ and examples
extern const std::string_view kStreamPaths;         ///< @s@
extern const std::string_view kRawStreamPaths;      ///< @s@
extern const std::string_view kBuiltInStreamPaths;  ///< @s@
extern const std::string_view kReadEvents;          ///< of one of these: @read@
extern const std::string_view kCollectionPaths;     ///< all collections, streams, tables
extern const std::string_view kAuthPaths;           ///< users and tokens
extern const std::string_view kHealthPath;
extern const std::string_view kOperatorPaths;  ///< ops and documentation; of R0 as well

/// Members of `components.responses`, `parameters`, `headers` and `schemas`; the common
/// ones are what kOperatorPaths needs.
extern const std::string_view kResponses, kParameters, kHeaders, kSchemas, kCommonSchemas;
extern const std::string_view kAuthResponses, kAuthRequestBodies, kAuthSchemas;
extern const std::string_view kSecuritySchemes;

}  // namespace millrace::gateway
