#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace millrace::app {

/// Where commands have accounts administered: by the server that runs on a data
/// directory, or here on its files.
class AccountDesk {
 public:
  virtual ~AccountDesk() = default;
  /// As identity::AccountAdmin::Run.
  virtual Result<std::string> Run(std::string_view action, const std::string& body) = 0;

  /// `project` is needed where no server runs; the data directory is created when absent
  /// and `create`. What is wrong goes to stderr; the exit code is the error.
  static std::expected<std::unique_ptr<AccountDesk>, int> Open(
      const std::filesystem::path& data, const std::filesystem::path& project,
      bool create);
};

}  // namespace millrace::app
