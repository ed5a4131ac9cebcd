#include "route_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "http/problem.hpp"
#include "http/query.hpp"

namespace millrace::http::internal {
namespace {

[[noreturn]] void BadRoute(std::string_view pattern, std::string_view why) {
  fmt::print(stderr, "route {}: {}\n", pattern, why);
  std::abort();
}

/// "{name}" → "name"; empty for a literal.
std::string_view ParamName(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return {};
  return segment.substr(1, segment.size() - 2);
}

std::size_t IndexOf(Method method) { return static_cast<std::size_t>(method); }

std::string AllowedOf(const auto& routes) {
  std::string allowed;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto method = static_cast<Method>(i);
    const bool implied = (method == Method::kHead && routes[IndexOf(Method::kGet)]) ||
                         method == Method::kOptions;
    if (!routes[i] && !implied) continue;
    if (!allowed.empty()) allowed += ", ";
    allowed += ToString(method);
  }
  return allowed;
}

}  // namespace

RouteMetrics RouteMetrics::Register(telemetry::Registry& registry, std::string_view route,
                                    std::string_view method) {
  static constexpr std::array<const char*, 5> kClasses = {"1xx", "2xx", "3xx", "4xx",
                                                          "5xx"};
  const telemetry::Labels labels = {{"route", std::string(route)},
                                    {"method", std::string(method)}};
  RouteMetrics metrics;
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    auto with_class = labels;
    with_class.emplace_back("status_class", kClasses[i]);
    metrics.by_class[i] = &registry.AddCounter("http_requests_total",
                                               "HTTP requests answered.", with_class);
  }
  metrics.seconds = &registry.AddDurations(
      "http_request_seconds", "From the whole request read to its answer ready.", labels);
  return metrics;
}

void RouteMetrics::Count(int status, std::chrono::nanoseconds took) const {
  const int index = status >= 100 && status < 600 ? status / 100 - 1 : 4;
  by_class[static_cast<std::size_t>(index)]->Add();
  seconds->Observe(took);
}

void PathMatch::Clear() {
  found = Found::kNothing;
  route = nullptr;
  allowed = {};
  param_count_ = 0;
}

bool PathMatch::Split(std::string_view path) {
  segment_count_ = 0;
  too_deep_ = false;
  path.remove_prefix(1);
  for (;;) {
    if (segment_count_ == kMaxSegments) {
      too_deep_ = true;
      return true;
    }
    const auto slash = path.find('/');
    auto segment = path.substr(0, slash);
    if (segment.find('%') != std::string_view::npos) {
      auto plain = PercentDecode(segment);
      if (!plain) return false;
      decoded_[segment_count_] = std::move(*plain);
      segment = decoded_[segment_count_];
    }
    segments_[segment_count_++] = segment;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

RouteTable::Node& RouteTable::NodeOf(std::string_view pattern,
                                     std::vector<std::string>& param_names) {
  if (pattern.empty() || pattern.front() != '/') BadRoute(pattern, "begins without /");
  Node* node = &root_;
  std::string_view rest = pattern.substr(1);
  for (bool more = true; more;) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    if (more) rest.remove_prefix(slash + 1);
    if (const auto param = ParamName(segment); !param.empty()) {
      param_names.emplace_back(param);
      if (!node->param) node->param = std::make_unique<Node>();
      node = node->param.get();
      continue;
    }
    if (segment.find_first_of("{}") != std::string_view::npos) {
      BadRoute(pattern, "a parameter is a whole segment: {name}");
    }
    const auto known = std::ranges::find(
        node->literals, segment,
        [](const auto& literal) -> std::string_view { return literal.first; });
    if (known != node->literals.end()) {
      node = known->second.get();
    } else {
      node = node->literals.emplace_back(segment, std::make_unique<Node>()).second.get();
    }
  }
  return *node;
}

void RouteTable::Add(Method method, std::string pattern, Handler handler,
                     RouteOptions options, std::string name) {
  std::vector<std::string> param_names;
  Node& node = NodeOf(pattern, param_names);
  if (method == Method::kOther) BadRoute(pattern, "needs a method");
  auto& place = node.routes[IndexOf(method)];
  if (place) BadRoute(pattern, "added twice");
  if (name.empty()) name = std::move(pattern);
  place = std::make_unique<Route>(Route{std::move(handler), options, std::move(name),
                                        std::move(param_names), RouteMetrics{}});
  node.allowed = AllowedOf(node.routes);
}

void RouteTable::RegisterMetrics(telemetry::Registry& registry) {
  RegisterNode(root_, registry);
}

void RouteTable::RegisterNode(Node& node, telemetry::Registry& registry) {
  for (std::size_t i = 0; i < node.routes.size(); ++i) {
    if (!node.routes[i]) continue;
    Route& route = *node.routes[i];
    route.metrics =
        RouteMetrics::Register(registry, route.name, ToString(static_cast<Method>(i)));
  }
  for (auto& [text, child] : node.literals) RegisterNode(*child, registry);
  if (node.param) RegisterNode(*node.param, registry);
}

template <typename Fits>
const RouteTable::Node* RouteTable::Walk(const Node& node, PathMatch& match,
                                         std::size_t depth, const Fits& fits) {
  if (depth == match.segment_count_) return fits(node) ? &node : nullptr;
  const auto segment = match.segments_[depth];
  for (const auto& [text, child] : node.literals) {
    if (text != segment) continue;
    if (const Node* found = Walk(*child, match, depth + 1, fits)) return found;
    break;
  }
  if (!node.param || segment.empty()) return nullptr;
  const auto place = match.param_count_++;
  match.params_[place].value = segment;
  if (const Node* found = Walk(*node.param, match, depth + 1, fits)) return found;
  match.param_count_ = place;
  return nullptr;
}

const Route* RouteTable::RouteOf(const Node& node, Method method) {
  if (method == Method::kOther) return nullptr;
  const Route* route = node.routes[IndexOf(method)].get();
  if (route != nullptr || method != Method::kHead) return route;
  return node.routes[IndexOf(Method::kGet)].get();
}

void RouteTable::Find(Method method, std::string_view path, PathMatch& match) const {
  match.Clear();
  if (!match.Split(path)) {
    match.found = PathMatch::Found::kBadEncoding;
    return;
  }
  if (match.too_deep_) return;
  const auto takes = [&](const Node& node) { return RouteOf(node, method) != nullptr; };
  if (const Node* node = Walk(root_, match, 0, takes)) {
    match.allowed = node->allowed;
    match.found = PathMatch::Found::kRoute;
    match.route = RouteOf(*node, method);
    for (std::size_t i = 0; i < match.param_count_; ++i) {
      match.params_[i].name = match.route->param_names[i];
    }
    return;
  }
  const auto exists = [](const Node& node) { return !node.allowed.empty(); };
  const Node* node = Walk(root_, match, 0, exists);
  if (node == nullptr) return;
  match.allowed = node->allowed;
  match.found = PathMatch::Found::kOtherMethod;
}

Response RouteTable::Refuse(const Refused& refused) const {
  if (refusal_writer_) return refusal_writer_(refused);
  return ProblemOf(refused.status, refused.code, refused.detail, refused.path,
                   refused.request_id);
}

}  // namespace millrace::http::internal
