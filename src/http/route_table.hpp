#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.hpp"
#include "http/router.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::http::internal {

/// Counts what was answered on one route: by class of status, and how long it took.
struct RouteMetrics {
  static RouteMetrics Register(telemetry::Registry& registry, std::string_view route,
                               std::string_view method);
  void Count(int status, std::chrono::nanoseconds took) const;

  std::array<telemetry::Counter*, 5> by_class{};  ///< 1xx … 5xx
  telemetry::Histogram* seconds = nullptr;
};

struct Route {
  Handler handler;
  RouteOptions options;
  std::string name;
  std::vector<std::string> param_names;
  RouteMetrics metrics;
};

/// The segments of one path, decoded. Reused from request to request, so that a match
/// allocates nothing once its strings have grown.
class PathMatch {
 public:
  static constexpr std::size_t kMaxSegments = 16;

  enum class Found {
    kRoute,
    kOtherMethod,  ///< allowed() names those that exist
    kNothing,
    kBadEncoding,
  };

  Found found = Found::kNothing;
  const Route* route = nullptr;
  std::string_view allowed;  ///< "GET, HEAD, OPTIONS"

  void Clear();
  std::span<const PathParam> params() const { return {params_.data(), param_count_}; }

 private:
  friend class RouteTable;
  bool Split(std::string_view path);

  std::array<std::string_view, kMaxSegments> segments_{};
  std::array<std::string, kMaxSegments> decoded_;
  std::size_t segment_count_ = 0;
  bool too_deep_ = false;
  std::array<PathParam, kMaxSegments> params_{};
  std::size_t param_count_ = 0;
};

/// A tree of path segments with routes at its nodes. Built by one thread; finding is
/// const.
class RouteTable {
 public:
  void Add(Method method, std::string pattern, Handler handler, RouteOptions options,
           std::string name);
  /// Gives every route its series.
  void RegisterMetrics(telemetry::Registry& registry);
  /// The views put into `match` last as long as `path` and `match`.
  void Find(Method method, std::string_view path, PathMatch& match) const;

  void set_gate(std::shared_ptr<Gate> gate) { gate_ = std::move(gate); }
  Gate* gate() const { return gate_.get(); }  ///< or null
  void set_refusal_writer(RefusalWriter writer) { refusal_writer_ = std::move(writer); }
  Response Refuse(const Refused& refused) const;

 private:
  struct Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
    std::unique_ptr<Node> param;
    std::array<std::unique_ptr<Route>, 7> routes;  ///< by Method, but kOther
    std::string allowed;
  };

  Node& NodeOf(std::string_view pattern, std::vector<std::string>& param_names);
  /// `fits` says which nodes may be the end of the path.
  template <typename Fits>
  static const Node* Walk(const Node& node, PathMatch& match, std::size_t depth,
                          const Fits& fits);
  static const Route* RouteOf(const Node& node, Method method);
  static void RegisterNode(Node& node, telemetry::Registry& registry);

  Node root_;
  std::shared_ptr<Gate> gate_;
  RefusalWriter refusal_writer_;  ///< empty: problem+json
};

}  // namespace millrace::http::internal
