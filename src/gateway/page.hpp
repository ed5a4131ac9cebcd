#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/message.hpp"

namespace millrace::gateway {

/// {"items":[…],"next_cursor":text or null}: the form of every list.
http::Response PageResponse(const std::vector<std::string>& items,
                            const std::optional<std::string>& next_cursor);

}  // namespace millrace::gateway
