#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace millrace::http {

/// Looks at every request that was read, before its route does, and before unknown paths
/// and OPTIONS are answered.
class Gate {
 public:
  virtual ~Gate() = default;
  /// An answer in the route's place, or none. `route` names the route as metrics do;
  /// empty where none takes the request. Whole header lines ("Name: value\r\n") appended
  /// to `headers` go out with whatever answer the request gets. On the server's thread:
  /// must not block.
  virtual std::optional<Response> Look(const Request& request, std::string_view route,
                                       std::string& headers) = 0;
};

}  // namespace millrace::http
