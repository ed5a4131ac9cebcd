#include "door_reader.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace millrace::project {
namespace {

constexpr std::int64_t kMaxRequests = 1'000'000;
constexpr std::int64_t kMinEveryMs = 1'000;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

void ReadPer(const Node* node, RateLimit& limit, Report& report) {
  if (node == nullptr) return;
  const std::vector<std::pair<std::string_view, bool RateLimit::*>> parts{
      {"ip", &RateLimit::per_ip},
      {"route", &RateLimit::per_route},
      {"user", &RateLimit::per_user},
      {"key", &RateLimit::per_key},
      {"tenant", &RateLimit::per_tenant}};
  limit.per_ip = false;
  const auto add = [&](const Node& one) {
    if (const auto part = ReadChoice<bool RateLimit::*>(&one, parts, report))
      limit.*(*part) = true;
  };
  if (node->kind != Node::Kind::kSequence) return add(*node);
  for (const auto& one : node->items) add(one);
}

RateLimit ReadLimit(const Node& node, Report& report) {
  RateLimit limit;
  const Keys keys(node, "a limit", {"name", "requests", "every", "per"}, report);
  if (const auto name =
          ReadName(keys.Need("name", "each_client"), "a name of a limit", report))
    limit.name = *name;
  if (const auto requests =
          ReadWhole(keys.Need("requests", "600"), 1, kMaxRequests, report))
    limit.requests = static_cast<std::uint64_t>(*requests);
  if (const auto every =
          ReadDurationMs(keys.Need("every", "60s"), kMinEveryMs, kDayMs, report))
    limit.every_ms = *every;
  ReadPer(keys.Find("per"), limit, report);
  return limit;
}

void ReadOrigin(const Node& node, Cors& cors, Report& report) {
  const auto origin = ReadText(&node, "an origin, such as https://shop.example", report);
  if (!origin) return;
  const std::string_view text = *origin;
  const auto host = text.starts_with("https://")  ? text.substr(8)
                    : text.starts_with("http://") ? text.substr(7)
                                                  : std::string_view();
  if (text != "*" &&
      (host.empty() || host.find_first_of("/?#@ *,;") != std::string_view::npos)) {
    report.AddExpected(node, "an origin, such as https://shop.example, without a path");
    return;
  }
  cors.origins.push_back(*origin);
}

void ReadCors(const Node& node, Cors& cors, Report& report) {
  const Keys keys(node, "cors", {"origins", "credentials", "max_age"}, report);
  const auto* origins = keys.Need("origins", "[https://shop.example]");
  if (const auto* list = ReadList(origins, "a list of origins", report)) {
    for (const auto& one : *list) ReadOrigin(one, cors, report);
  }
  const auto* credentials = keys.Find("credentials");
  if (const auto flag = ReadFlag(credentials, report)) cors.credentials = *flag;
  if (const auto age = ReadDurationMs(keys.Find("max_age"), 0, kDayMs, report))
    cors.max_age_ms = *age;
  const bool all = std::ranges::find(cors.origins, "*") != cors.origins.end();
  if (all && cors.credentials) {
    report.Add(*credentials,
               "credentials are never given to every origin: name the origins");
  } else if (all && cors.origins.size() > 1) {
    report.Add(*origins, "* allows every origin: leave the others out");
  }
}

std::optional<Network> ReadNetwork(const Node& node, Report& report) {
  constexpr std::string_view kWhat = "an address or a network, such as 10.0.0.0/8";
  const auto text = ReadText(&node, kWhat, report);
  if (!text) return std::nullopt;
  const auto slash = text->find('/');
  Network network;
  network.address = ParseAddress(text->substr(0, slash));
  const bool v4 = text->find(':') == std::string::npos;
  unsigned bits = v4 ? 32 : 128;
  bool fits = !network.address.empty();
  if (slash != std::string::npos) {
    const unsigned most = bits;
    const auto* end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data() + slash + 1, end, bits);
    fits = fits && parsed.ec == std::errc() && parsed.ptr == end && bits <= most;
  }
  if (!fits) {
    report.AddExpected(node, kWhat);
    return std::nullopt;
  }
  network.bits = v4 ? bits + 96 : bits;
  return network;
}

}  // namespace

Door ReadDoor(const Keys& keys, Report& report) {
  Door door;
  if (const auto* list = ReadList(keys.Find("limits"), "a list of limits", report)) {
    std::set<std::string> names;
    for (const auto& one : *list) {
      auto limit = ReadLimit(one, report);
      if (!limit.name.empty() && !names.insert(limit.name).second) {
        report.Add(one, "a limit of this name is there already");
      }
      door.limits.push_back(std::move(limit));
    }
  }
  if (const auto* cors = keys.Find("cors")) ReadCors(*cors, door.cors, report);
  if (const auto* list =
          ReadList(keys.Find("trusted_proxies"), "a list of networks", report)) {
    for (const auto& one : *list) {
      if (auto network = ReadNetwork(one, report))
        door.trusted_proxies.push_back(std::move(*network));
    }
  }
  return door;
}

}  // namespace millrace::project
