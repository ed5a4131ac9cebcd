#include "page.hpp"

#include "base/json.hpp"

namespace millrace::gateway {

http::Response PageResponse(const std::vector<std::string>& items,
                            const std::optional<std::string>& next_cursor) {
  http::Response response;
  std::size_t size = 64;
  for (const auto& item : items) size += item.size() + 1;
  response.body.reserve(size);
  response.body = "{\"items\":[";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) response.body += ',';
    response.body += items[i];
  }
  response.body += "],\"next_cursor\":";
  if (next_cursor) {
    AppendJsonString(response.body, *next_cursor);
  } else {
    response.body += "null";
  }
  response.body += '}';
  return response;
}

}  // namespace millrace::gateway
