#include "http/message.hpp"

#include <array>

#include "ascii.hpp"

namespace millrace::http {

std::string_view ToString(Method method) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};
  return kNames[static_cast<std::size_t>(method)];
}

bool HeaderField::Is(std::string_view lower_case_name) const {
  return EqualsLowerCase(name, lower_case_name);
}

std::string_view Request::Header(std::string_view lower_case_name) const {
  for (const HeaderField& field : headers) {
    if (field.Is(lower_case_name)) return field.value;
  }
  return {};
}

std::string_view Request::Param(std::string_view name) const {
  for (const PathParam& param : params) {
    if (param.name == name) return param.value;
  }
  return {};
}

}  // namespace millrace::http
