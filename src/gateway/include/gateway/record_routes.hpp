#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/access_control.hpp"
#include "http/router.hpp"
#include "records/record_store.hpp"
#include "runtime/blocking_pool.hpp"
#include "schema/record_codec.hpp"

namespace millrace::gateway {

/// Codecs of all collections, by name.
using Codecs =
    std::map<std::string, std::unique_ptr<const schema::RecordCodec>, std::less<>>;

/// kNotFound, in an open project with the names that exist.
Error UnknownCollection(std::string_view name, const Codecs& codecs,
                        const AccessControl* access);

struct RecordRouteOptions {
  std::uint64_t body_limit = 8u << 20u;
  std::size_t batch_max = 10'000;  ///< records in one array
  /// Null: an open project, everyone may do everything. Outlives the server.
  const AccessControl* access = nullptr;
  std::string cursor_key;  ///< the installation's: seals cursors
};

/// `/api/collections/{collection}/records[/{key}]`: JSON in, one call to the store, JSON
/// out. Writes answer when they are durable; lists and scans run on `pool`.
///
///   POST    201 document (ETag, Location), or 201 array for an array; 400 409 413 422
///   GET     200 {"items", "next_cursor"}; with key 200 document (ETag), 304, 404
///   PATCH   200 document (merge patch); 400 404 409 412 422
///   PUT     200 document; the same
///   DELETE  204; 404 412 422
///
/// In a closed project each also 401 and 403: no rule opens the operation, or the rule
/// refuses the record that a write would leave. A stored record that the rule hides is
/// not listed, and 404 as if it were not there.
///
/// Every write answers X-Millrace-Position: the version to wait for elsewhere.
class RecordRoutes {
 public:
  /// All outlive the server.
  RecordRoutes(records::RecordStore& store, const Codecs& codecs,
               runtime::BlockingPool& pool, RecordRouteOptions options);
  void AddTo(http::Router& router);

 private:
  void Create(const http::Request& request, http::Responder responder);
  void Change(records::Operation operation, const http::Request& request,
              http::Responder responder);
  void Get(const http::Request& request, http::Responder responder);
  void List(const http::Request& request, http::Responder responder);
  /// nullptr after answering 404.
  const schema::RecordCodec* Find(const http::Request& request,
                                  http::Responder& responder);
  void Submit(const http::Request& request, http::Responder responder,
              records::WriteRequest write, bool batch, const std::string& scope);

  records::RecordStore& store_;
  const Codecs& codecs_;
  runtime::BlockingPool& pool_;
  const RecordRouteOptions options_;
};

}  // namespace millrace::gateway
