#include "health.hpp"

#include <algorithm>

#include "base/json_member.hpp"

namespace millrace::gateway {
namespace {

/// The members of those parts that are ready, or not, or all.
template <typename Keep>
std::string Members(std::span<const Part> parts, Keep keep) {
  std::string out = "{";
  for (const auto& part : parts) {
    if (!keep(part)) continue;
    AppendMemberName(out, part.name);
    out += '{';
    AppendMember(out, "status", part.ready ? "up" : "down");
    if (!part.ready) AppendMember(out, "message", part.reason);
    out += '}';
  }
  return out += '}';
}

}  // namespace

http::Response HealthResponse(std::span<const Part> parts) {
  constexpr int kDown = 503;
  const bool up = std::ranges::all_of(parts, &Part::ready);
  http::Response response;
  if (!up) response.status = kDown;
  response.body = up ? R"({"status":"ok","info":)" : R"({"status":"error","info":)";
  response.body += Members(parts, [](const Part& part) { return part.ready; });
  response.body += ",\"error\":";
  response.body += Members(parts, [](const Part& part) { return !part.ready; });
  response.body += ",\"details\":";
  response.body += Members(parts, [](const Part&) { return true; });
  response.body += '}';
  return response;
}

}  // namespace millrace::gateway
