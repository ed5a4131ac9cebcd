#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"

namespace millrace::app {

/// Appends `name=value` to a target's query, percent-encoded; nothing when it is empty.
void AppendParameter(std::string& target, std::string_view name, std::string_view value);

/// The server that runs on a data directory, asked over its socket. One thread at a time.
class ServerSocket {
 public:
  /// kUnavailable: none listens there until then.
  static Result<ServerSocket> Connect(const std::filesystem::path& data, Deadline until);

  /// The body of an answer 200. Otherwise the server's reason as the error, with the code
  /// that its status stands for, or an error of http::Client::Send.
  Result<std::string> Ask(http::Method method, std::string_view target,
                          std::string_view body = "");
  /// Any answer, as of http::Client::Send.
  Result<http::ClientResponse> Send(http::Method method, std::string_view target,
                                    std::string_view body,
                                    const http::Client::Headers& headers);
  /// What an answer that is no success says.
  static Error ErrorOf(const http::ClientResponse& response);

 private:
  explicit ServerSocket(http::Client client) : client_(std::move(client)) {}
  http::Client client_;
};

}  // namespace millrace::app
