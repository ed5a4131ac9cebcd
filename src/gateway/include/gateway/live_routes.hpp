#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "gateway/record_routes.hpp"
#include "http/router.hpp"
#include "live/hub.hpp"

namespace millrace::gateway {

class LiveTickets;

struct LiveRouteOptions {
  std::size_t buffer = 1u << 20u;  ///< bytes that may wait for one client
  std::chrono::milliseconds heartbeat{15'000};
  /// Null: an open project, everyone sees everything. Outlives the server.
  const AccessControl* access = nullptr;
};

/// `GET /api/collections/{collection}/records/live`: the changes of a collection as they
/// happen, as server-sent events, or by WebSocket where the request asks for an upgrade.
/// Filters as in lists; `snapshot=true` begins with the records that exist;
/// `Last-Event-ID` (header, or parameter `last_event_id`) goes on after a message.
/// X-Millrace-Position of the answer is the id that it begins behind. In a closed project
/// a connection ends with the rights that it was opened with: no message goes out a
/// quarter of a second after its token expired, was revoked or has another role; one
/// without messages ends with the next heartbeat.
///
/// `POST /api/auth/ticket`, there too: a ticket for who asks, which `_ticket=` takes in
/// place of a header once within 30 s, for pages whose EventSource can send none.
class LiveRoutes {
 public:
  /// All outlive the server.
  LiveRoutes(live::Hub& hub, const Codecs& codecs, LiveRouteOptions options);
  ~LiveRoutes();
  void AddTo(http::Router& router);

 private:
  void GiveTicket(const http::Request& request, http::Responder responder);
  /// With what its ticket stands for, if it has one.
  void Arrive(const http::Request& request, http::Responder responder);
  void Subscribe(const http::Request& request, http::Responder responder);

  live::Hub& hub_;
  const Codecs& codecs_;
  const LiveRouteOptions options_;
  const std::unique_ptr<LiveTickets> tickets_;
};

}  // namespace millrace::gateway
