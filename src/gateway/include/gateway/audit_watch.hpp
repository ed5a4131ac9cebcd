#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/access_control.hpp"
#include "gateway/audit.hpp"
#include "gateway/record_routes.hpp"
#include "http/router.hpp"
#include "project/door.hpp"

namespace millrace::gateway {

/// What the watch needs; what it refers to outlives the server.
struct AuditWatchParts {
  AuditSink& sink;
  const Codecs& codecs;  ///< of the collections: the names of their keys
  WhoAsks who;           ///< empty: an open project, or `always`
  std::vector<project::Network> trusted_proxies;
  std::string secret;  ///< the installation's: what stands for an e-mail is made with it
  std::optional<AuditActor> always = {};  ///< who does all of it
};

/// For http::Router::SetWrapper: has every write and every refusal of the routes recorded
/// in the audit log, by what was asked and what was answered; no route knows of it.
/// Sign-ins and account changes are answered when their event is durable, or 503; writes
/// of records and events at once. Reads are not recorded unless they are refused: 401,
/// 403, and the 404 of a record, which may be one that a rule hides. Nor are: requests
/// that no route gets (unknown paths, bodies over the limit, limits of the door), answers
/// that are repeated for an idempotency key, and appends of duplicates alone.
/// While the log cannot be written, every route that writes answers 503.
http::HandlerWrapper WatchForAudit(AuditWatchParts parts);

}  // namespace millrace::gateway
