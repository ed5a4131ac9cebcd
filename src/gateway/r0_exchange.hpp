#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/router.hpp"
#include "rpc/client.hpp"
#include "telemetry/log.hpp"

namespace millrace::gateway {

/// The error body of R0: {"statusCode","message","error","timestamp","path"}. `message`
/// is JSON; `extra` are further members after it, each with a comma before.
http::Response R0Error(int status, std::string_view message_json, std::string_view url,
                       std::string_view extra = {});

/// One request under way: how it is answered, and the line that is logged of it. Movable
/// to where the answer will be known.
class R0Exchange {
 public:
  R0Exchange(const http::Request& request, http::Responder responder,
             telemetry::Logger& log);

  /// Goes out with the answer, whatever that is.
  void AddHeader(std::string name, std::string value);
  const std::string& url() const { return url_; }

  void Send(int status, std::string json);
  void Refuse(int status, std::string_view message);
  /// Broken rules of a body: 400 with all of them.
  void RefuseBody(const Error& error);
  /// What the identity service said, or why it said nothing, where that is an error.
  void RefuseAnswer(const Result<rpc::Answer>& answer);

 private:
  void Send(http::Response response);

  http::Responder responder_;
  telemetry::Logger* log_;
  std::chrono::steady_clock::time_point since_;
  std::string_view method_;
  std::string url_;
  std::string request_id_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

}  // namespace millrace::gateway
