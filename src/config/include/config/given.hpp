#pragma once

#include <functional>
#include <map>
#include <string>

namespace millrace::config {

/// A setting as somebody wrote it, and where: "millrace.yaml:7:11",
/// "MILLRACE__HTTP__PORT", "--set http.port".
struct Given {
  std::string value;
  std::string origin;
};
/// By full name: "http.port".
using GivenMap = std::map<std::string, Given, std::less<>>;

}  // namespace millrace::config
