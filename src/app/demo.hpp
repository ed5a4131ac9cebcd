#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "settings.hpp"

namespace millrace::app {

struct DemoOptions {
  std::filesystem::path data;  ///< empty: millrace-demo/month-N or millrace-demo/all
  std::optional<std::uint16_t>
      port;  ///< nullopt: http.port, or a free one if it is taken
  int month = 1;
  bool all = false;
  bool exit = false;
  bool json = false;
  double rate = 0;
  std::uint32_t connections = 32;
  std::vector<std::string> set;
};

/// Runs examples/flights on real data: starts an instance, loads the reference tables,
/// replays the flights through the public API, waits until everything is through, and
/// proves that every stage holds the same. The exit code.
int RunDemo(const DemoOptions& options);

}  // namespace millrace::app
