#include "identity/messages.hpp"

#include <simdjson.h>

#include <memory>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "http/problem.hpp"

namespace millrace::identity {
namespace {

/// Answers a message with what `done` is given.
Done Answering(rpc::Responder responder, std::string_view message,
               telemetry::Logger& log) {
  return [responder = std::move(responder), message,
          &log](Result<std::string> json) mutable {
    if (json) return responder.Send(*json);
    if (http::StatusOf(json.error().code()) == 500)
      log.Error("message failed", {{"message", message}, {"error", json.error()}});
    responder.SendError(ErrorMessage(json.error()));
  };
}

/// Empty where there is none.
std::string UserIdOf(std::string_view data) {
  simdjson::dom::parser parser;
  std::string_view id;
  if (parser.parse(simdjson::padded_string(data))["userId"].get(id) != simdjson::SUCCESS)
    return {};
  return std::string(id);
}

}  // namespace

std::string ErrorMessage(const Error& error) {
  const int status = http::StatusOf(error.code());
  std::string out = "{";
  AppendMember(out, "statusCode", static_cast<std::uint64_t>(status));
  if (error.fields().empty()) {
    AppendMember(out, "message",
                 status >= 500 ? http::ReasonOf(status) : error.message());
  } else {
    AppendMemberName(out, "message");
    char before = '[';
    for (const auto& field : error.fields()) {
      out += std::exchange(before, ',');
      AppendJsonString(out, field.message);
    }
    out += ']';
  }
  AppendMember(out, "error", http::ReasonOf(status));
  return out += '}';
}

rpc::Handlers MessageHandlers(Users& users, telemetry::Logger& log) {
  rpc::Handlers handlers;
  handlers[rpc::CommandPattern(kRegister)] = [&](const std::string& data,
                                                 rpc::Responder responder) {
    auto input = ReadSignUp(data);
    if (!input) return responder.SendError(ErrorMessage(input.error()));
    users.Register(std::move(*input), Answering(std::move(responder), kRegister, log));
  };
  handlers[rpc::CommandPattern(kLogin)] = [&](const std::string& data,
                                              rpc::Responder responder) {
    auto input = ReadLogIn(data);
    if (!input) return responder.SendError(ErrorMessage(input.error()));
    users.Login(std::move(*input), Answering(std::move(responder), kLogin, log));
  };
  handlers[rpc::CommandPattern(kGetUsers)] = [&](const std::string&,
                                                 rpc::Responder responder) {
    users.List(Answering(std::move(responder), kGetUsers, log));
  };
  handlers[rpc::CommandPattern(kValidateUser)] = [&](const std::string& data,
                                                     rpc::Responder responder) {
    // A read of microseconds: quicker than another thread would take it up.
    Answering(std::move(responder), kValidateUser, log)(users.Find(UserIdOf(data)));
  };
  return handlers;
}

}  // namespace millrace::identity
