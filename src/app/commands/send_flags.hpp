#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "../operation_sender.hpp"
#include "base/result.hpp"

namespace millrace::app {

/// Of --retry-seconds: 11 days.
constexpr std::uint32_t kLongestRetrySeconds = 1'000'000;

/// What commands that send operations to a server have in common.
struct SendFlags {
  std::string url = "http://127.0.0.1:8080";
  std::string key_file;
  std::uint32_t connections = 32;
  double rate = 0;
  std::uint32_t retry_seconds = 60;
  bool json = false;
  bool quiet = false;
};

/// --url: an address of ParseServerUrl.
void AddUrlFlag(CLI::App& command, std::string& url);
/// --key-file: for ServerAt.
void AddKeyFlag(CLI::App& command, std::string& key_file);
void AddSendFlags(CLI::App& command, SendFlags& flags);
/// kInvalidArgument: the address, or the key.
Result<SenderOptions> OptionsFrom(const SendFlags& flags, std::string prefix);
/// The summary for people or as JSON; the exit code. `place`: what a refusal's number is
/// one of, "row " or "orders.csv:".
int PrintSummary(const SendSummary& summary, bool json, const std::string& place);

}  // namespace millrace::app
