#include "record_key.hpp"

#include <charconv>

namespace millrace::records {

std::optional<std::int64_t> IntegerKey(std::string_view key) {
  std::int64_t value = 0;
  const auto* end = key.data() + key.size();
  const auto read = std::from_chars(key.data(), end, value);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  char text[24];
  const auto written = std::to_chars(text, text + sizeof text, value);
  if (std::string_view(text, static_cast<std::size_t>(written.ptr - text)) != key) {
    return std::nullopt;
  }
  return value;
}

bool BindKey(Statement& statement, int at, std::string_view key, bool integer_key) {
  if (!integer_key) {
    statement.Bind(at, key);
    return true;
  }
  const auto value = IntegerKey(key);
  if (!value) return false;
  statement.Bind(at, *value);
  return true;
}

}  // namespace millrace::records
