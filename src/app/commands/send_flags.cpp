#include "send_flags.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "../exit_codes.hpp"
#include "../server_address.hpp"
#include "checks.hpp"

namespace millrace::app {

void AddKeyFlag(CLI::App& command, std::string& key_file) {
  command
      .add_option("--key-file", key_file,
                  "file with the API key (without it: MILLRACE_API_KEY, if set)")
      ->check(CLI::ExistingFile);
}

void AddUrlFlag(CLI::App& command, std::string& url) {
  command.add_option("--url", url, "address of the server")
      ->check([](const std::string& text) {
        const auto address = ParseServerUrl(text);
        return address ? std::string() : std::string(address.error().message());
      })
      ->capture_default_str();
}

void AddSendFlags(CLI::App& command, SendFlags& flags) {
  AddUrlFlag(command, flags.url);
  AddKeyFlag(command, flags.key_file);
  command
      .add_option("--connections", flags.connections, "connections; a key stays on one")
      ->check(WholeNumber(1, 512))
      ->capture_default_str();
  command.add_option("--rate", flags.rate, "operations a second (0: as fast as it goes)")
      ->check(RateNumber(true));
  command
      .add_option("--retry-seconds", flags.retry_seconds,
                  "how long one operation is repeated while there is no clear answer")
      ->check(WholeNumber(0, kLongestRetrySeconds))
      ->capture_default_str();
  command.add_flag("--json", flags.json, "the summary as one JSON line");
  command.add_flag("--quiet", flags.quiet, "no progress on stderr");
}

Result<SenderOptions> OptionsFrom(const SendFlags& flags, std::string prefix) {
  SenderOptions options;
  MR_TRY(options.server, ServerAt(flags.url, flags.key_file));
  options.connections = flags.connections;
  options.rate = flags.rate;
  options.retry_for = std::chrono::seconds(flags.retry_seconds);
  options.idempotency_prefix = std::move(prefix);
  return options;
}

int PrintSummary(const SendSummary& summary, bool json, const std::string& place) {
  if (json) {
    fmt::print("{}\n", summary.ToJson());
    return summary.refused == 0 ? kOk : kFailed;
  }
  const double rate =
      summary.seconds > 0 ? static_cast<double>(summary.operations) / summary.seconds : 0;
  fmt::print("{} operations in {:.1f} s ({:.0f}/s)", summary.operations, summary.seconds,
             rate);
  if (summary.replayed > 0) fmt::print(", {} of them known already", summary.replayed);
  if (summary.retried > 0) fmt::print(", {} repeated", summary.retried);
  fmt::print("\n");
  for (const auto& [name, sum] : summary.collections) {
    fmt::print("  {}: {} accepted\n", name, sum.changes);
  }
  if (summary.refused == 0) return kOk;
  fmt::print("{} refused, the first of them:\n", summary.refused);
  for (const auto& refusal : summary.refusals) {
    fmt::print("  {}{}: ", place, refusal.row);
    if (refusal.status != 0) fmt::print("{} ", refusal.status);
    fmt::print("{}\n", refusal.answer);
  }
  return kFailed;
}

}  // namespace millrace::app
