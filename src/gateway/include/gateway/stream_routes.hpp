#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capture/event_parser.hpp"
#include "capture/stream_writer.hpp"
#include "eventlog/event_log.hpp"
#include "gateway/access_control.hpp"
#include "http/router.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::gateway {

/// A declared stream as the routes need it.
struct StreamEntry {
  std::unique_ptr<capture::StreamWriter> writer;
  bool raw = false;       ///< a body is one event of any bytes; NDJSON: a line is
  bool built_in = false;  ///< nobody appends to it over HTTP
};
using Streams = std::map<std::string, StreamEntry, std::less<>>;

struct StreamRouteOptions {
  std::uint64_t body_limit = 8u << 20u;
  std::size_t batch_max = 10'000;  ///< events of one request
  /// Null: an open project, everyone may do everything. Outlives the server.
  const AccessControl* access = nullptr;
  std::string cursor_key;  ///< the installation's: seals cursors
};

/// kPermissionDenied: to append to a stream that is built in.
Error WrittenHereAlone(const std::string& stream);

/// The answer to a request whose good events were `accepted`.
http::Response AnswerTo(const capture::ParsedEvents& parsed,
                        const capture::AcceptedEvents& accepted);

/// `/api/streams[/{stream}[/events]]`.
///
///   POST events  201 when durable; 200 where every event was a duplicate; 207 where
///                lines of NDJSON were refused and others taken; 400 404 413 429 507
///   GET  events  200 {"items", "next_cursor"}: ?from=OFFSET or cursor=, limit=
///
/// In a closed project each also 401 and 403: no rule opens the operation, or the rule of
/// `append` refuses an event, then none of the request is taken. Events that the rule of
/// `read` hides are left out, so that a page may have fewer than `limit` before the last;
/// streams that no rule opens are as if absent.
class StreamRoutes {
 public:
  /// All outlive the server.
  StreamRoutes(Streams& streams, eventlog::EventLog& log, runtime::BlockingPool& pool,
               StreamRouteOptions options);
  void AddTo(http::Router& router);

 private:
  void Append(const http::Request& request, http::Responder responder);
  void Read(const http::Request& request, http::Responder responder);
  void Describe(const http::Request& request, http::Responder responder);
  void DescribeAll(const query::Principal& who, const http::Request& request,
                   http::Responder responder);
  Error Unknown(std::string_view name) const;
  /// nullptr after answering 404.
  StreamEntry* Find(const http::Request& request, http::Responder& responder);

  Streams& streams_;
  eventlog::EventLog& log_;
  runtime::BlockingPool& pool_;
  const StreamRouteOptions options_;
};

}  // namespace millrace::gateway
