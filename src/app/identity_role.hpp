#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "instance.hpp"
#include "settings.hpp"
#include "telemetry/log.hpp"

namespace millrace::app {

/// The role `identity`: users and everything that a data directory does, without a public
/// API; it answers R0's messages over TCP.
class IdentityRole {
 public:
  /// Listens when this returns. An empty identity.jwt_secret is replaced by one that is
  /// made once and kept with the credentials. Errors as Instance::Start, and those of
  /// listening.
  static Result<std::unique_ptr<IdentityRole>> Start(project::Project project,
                                                     const Settings& settings,
                                                     const std::filesystem::path& data,
                                                     telemetry::Logger& logger);
  ~IdentityRole();

  std::uint16_t port() const;
  const std::string& token_secret() const;
  Instance& instance();
  /// As Instance::Stop; messages that were taken are answered first.
  bool Stop(Deadline deadline);

 private:
  class Impl;
  explicit IdentityRole(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
