#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capture/event_parser.hpp"
#include "capture/stream_writer.hpp"
#include "eventlog/event_log.hpp"
#include "http/router.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::gateway {

/// A declared stream as the routes need it.
struct StreamEntry {
  std::unique_ptr<capture::StreamWriter> writer;
  bool raw = false;  ///< a body is one event of any bytes; NDJSON: a line is
};
using Streams = std::map<std::string, StreamEntry, std::less<>>;

struct StreamRouteOptions {
  std::uint64_t body_limit = 8u << 20u;
  std::size_t batch_max = 10'000;  ///< events of one request
};

/// The answer to a request whose good events were `accepted`.
http::Response AnswerTo(const capture::ParsedEvents& parsed,
                        const capture::AcceptedEvents& accepted);

/// `/api/streams[/{stream}[/events]]`.
///
///   POST events  201 when durable; 200 where every event was a duplicate; 207 where
///                lines of NDJSON were refused and others taken; 400 404 413 429 507
///   GET  events  200 {"items", "next_cursor"}: ?from=OFFSET or cursor=, limit=
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
  /// nullptr after answering 404.
  StreamEntry* Find(const http::Request& request, http::Responder& responder);

  Streams& streams_;
  eventlog::EventLog& log_;
  runtime::BlockingPool& pool_;
  const StreamRouteOptions options_;
};

}  // namespace millrace::gateway
