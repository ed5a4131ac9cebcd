#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "simulator/target.hpp"

namespace millrace::app {

/// A running server as simulators see it, over one connection. What has no clear answer
/// is repeated with the same idempotency key (events: the same id) for `retry_for`.
class HttpTarget : public simulator::Target {
 public:
  /// `run`: no two runs have the same; keys are made from it.
  HttpTarget(http::ClientOptions server, std::string run,
             std::chrono::milliseconds retry_for);

  /// Waits, for `retry_for`, for a server that is just starting; tells `waiting` once
  /// why.
  Status Connect(const std::function<void(const Error&)>& waiting);

  Status Send(const simulator::Write& write) override;
  Result<std::vector<simulator::Row>> Oldest(
      const simulator::Question& question) override;
  /// Reads every key once.
  Result<std::uint64_t> HighestNumber(const std::string& collection,
                                      const std::string& prefix) override;

 private:
  Result<http::ClientResponse> Ask(http::Method method, const std::string& target,
                                   const std::string& body,
                                   const http::Client::Headers& headers);
  Result<http::ClientResponse> AskOnce(http::Method method, const std::string& target,
                                       const std::string& body,
                                       const http::Client::Headers& headers);
  /// What the collection calls its time of creation, which lists are ordered by.
  Result<std::string> CreatedAt(const std::string& collection);

  const http::ClientOptions server_;
  const std::string run_;
  const std::chrono::milliseconds retry_for_;
  std::optional<http::Client> client_;
  std::map<std::string, std::string> created_at_;  ///< by collection
  std::uint64_t sent_ = 0;
};

}  // namespace millrace::app
