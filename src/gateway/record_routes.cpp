#include "gateway/record_routes.hpp"

#include <utility>

#include "base/json.hpp"
#include "http/answer_on.hpp"
#include "http/problem.hpp"
#include "http/query.hpp"
#include "identity/user_email.hpp"
#include "page.hpp"
#include "query/query.hpp"
#include "request_headers.hpp"

namespace millrace::gateway {
namespace {

using records::Answer;
using records::Operation;
using records::Written;

constexpr std::chrono::milliseconds kListDeadline{10'000};

void SendError(http::Responder& responder, const http::Request& request,
               const Error& error) {
  responder.Send(http::Problem(error, request.path, request.request_id));
}

/// Where a write came from: copied, because the answer comes after the request is gone.
struct Origin {
  std::string path;
  std::string request_id;
  bool batch;
  bool single;  ///< the batch has one record: the store takes it for no batch
  bool create;
};

std::string VersionOf(const std::vector<Written>& written) {
  return written.empty() ? std::string() : written.back().version.ToHex();
}

std::string JoinDocuments(const std::vector<Written>& written) {
  std::string out = "[";
  for (const auto& one : written) {
    if (out.size() > 1) out += ',';
    out += one.document;
  }
  out += ']';
  return out;
}

/// As the client counts: what an array of one record holds stands below "/0".
Error InArray(const Error& error) {
  auto fields = error.fields();
  for (auto& field : fields) field.pointer.insert(0, "/0");
  return Error(error.code(), error.message(), std::move(fields));
}

Answer RenderError(const Error& error, const Origin& origin) {
  auto problem = http::Problem(origin.batch && origin.single ? InArray(error) : error,
                               origin.path, origin.request_id);
  return Answer{problem.status, "", "", std::move(problem.body)};
}

Answer RenderWritten(const std::vector<Written>& written, const Origin& origin,
                     Operation operation) {
  Answer answer;
  answer.etag = VersionOf(written);
  if (operation == Operation::kDelete) {
    answer.status = 204;
  } else if (origin.batch) {
    answer.status = 201;
    answer.body = JoinDocuments(written);
  } else {
    answer.status = origin.create ? 201 : 200;
    answer.body = written.front().document;
  }
  if (origin.create && !origin.batch) {
    answer.location = origin.path;
    answer.location += '/';
    http::AppendPercentEncoded(answer.location, written.front().key);
  }
  return answer;
}

/// The users of a closed project: logins look for their e-mail addresses.
bool AreUsers(const AccessControl* access, const schema::Collection& collection) {
  return access != nullptr && collection.name == "users";
}

Result<decltype(records::WriteOp::body)> ReadChange(Operation operation,
                                                    const http::Request& request,
                                                    const schema::RecordCodec& codec,
                                                    bool users) {
  const auto key = request.Param("key");
  if (operation == Operation::kUpdate) {
    MR_TRY(auto patch, codec.ParsePatch(request.body, key));
    if (users) MR_CHECK_OK(identity::NormaliseEmail(patch, codec.collection()));
    return patch;
  }
  if (operation == Operation::kReplace) {
    MR_TRY(auto draft, codec.ParseReplace(request.body, key));
    if (users) MR_CHECK_OK(identity::NormaliseEmails({&draft, 1}, false));
    return draft;
  }
  return records::Delete{};
}

http::Response ToResponse(Answer answer, bool batch, bool replayed) {
  http::Response response;
  response.status = answer.status;
  response.body = std::move(answer.body);
  if (answer.status >= 400) response.content_type = "application/problem+json";
  if (!answer.etag.empty()) {
    if (answer.status != 204 && !batch) {
      response.headers.emplace_back("ETag", '"' + answer.etag + '"');
    }
    response.headers.emplace_back("X-Millrace-Position", std::move(answer.etag));
  }
  if (!answer.location.empty()) {
    response.headers.emplace_back("Location", std::move(answer.location));
  }
  // With 503 writing has stopped until a restart: trying again would not help.
  if (answer.status == 507) response.headers.emplace_back("Retry-After", "1");
  if (replayed) response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

}  // namespace

Error UnknownCollection(std::string_view name, const Codecs& codecs,
                        const AccessControl* access) {
  std::string message = "no collection \"" + std::string(name) + "\"";
  std::string known;
  if (access == nullptr)
    for (const auto& [other, codec] : codecs)
      known += (known.empty() ? "" : ", ") + other;
  if (!known.empty()) message += "; this project has: " + known;
  return Error(ErrorCode::kNotFound, std::move(message));
}

RecordRoutes::RecordRoutes(records::RecordStore& store, const Codecs& codecs,
                           runtime::BlockingPool& pool, RecordRouteOptions options)
    : store_(store), codecs_(codecs), pool_(pool), options_(std::move(options)) {}

void RecordRoutes::AddTo(http::Router& router) {
  using http::Method;
  const std::string all = "/api/collections/{collection}/records";
  const std::string one = all + "/{key}";
  const http::RouteOptions body{options_.body_limit};
  const auto change = [this](Operation operation) {
    return [this, operation](const http::Request& request, http::Responder responder) {
      Change(operation, request, std::move(responder));
    };
  };
  router.Add(
      Method::kPost, all,
      [this](const auto& request, auto responder) {
        Create(request, std::move(responder));
      },
      body);
  router.Add(Method::kGet, all, [this](const auto& request, auto responder) {
    List(request, std::move(responder));
  });
  router.Add(Method::kGet, one, [this](const auto& request, auto responder) {
    Get(request, std::move(responder));
  });
  router.Add(Method::kPatch, one, change(Operation::kUpdate), body);
  router.Add(Method::kPut, one, change(Operation::kReplace), body);
  router.Add(Method::kDelete, one, change(Operation::kDelete), body);
}

const schema::RecordCodec* RecordRoutes::Find(const http::Request& request,
                                              http::Responder& responder) {
  const auto name = request.Param("collection");
  const auto found = codecs_.find(name);
  if (found != codecs_.end()) return found->second.get();
  SendError(responder, request, UnknownCollection(name, codecs_, options_.access));
  return nullptr;
}

void RecordRoutes::Create(const http::Request& request, http::Responder responder) {
  const auto* codec = Find(request, responder);
  if (codec == nullptr) return;
  const auto& collection = codec->collection();
  auto grant =
      Allow(options_.access, query::Operation::kCreate, request, collection.name);
  if (!grant) return SendError(responder, request, grant.error());
  bool batch = false;
  auto drafts = codec->ParseCreates(request.body, options_.batch_max, &batch);
  if (!drafts) return SendError(responder, request, drafts.error());
  if (AreUsers(options_.access, collection)) {
    if (const auto fine = identity::NormaliseEmails(*drafts, batch); !fine)
      return SendError(responder, request, fine.error());
  }
  records::WriteRequest write;
  write.tenant = std::move(grant->tenant);
  write.guard.written = grant->Matching(collection);
  write.ops.reserve(drafts->size());
  for (auto& draft : *drafts) {
    records::WriteOp op;
    op.key = draft.key;
    op.body = std::move(draft);
    write.ops.push_back(std::move(op));
  }
  Submit(request, std::move(responder), std::move(write), batch, grant->scope);
}

void RecordRoutes::Change(Operation operation, const http::Request& request,
                          http::Responder responder) {
  const auto* codec = Find(request, responder);
  if (codec == nullptr) return;
  const auto& collection = codec->collection();
  const bool removal = operation == Operation::kDelete;
  auto grant = Allow(options_.access,
                     removal ? query::Operation::kDelete : query::Operation::kUpdate,
                     request, collection.name);
  if (!grant) return SendError(responder, request, grant.error());
  records::WriteOp op;
  op.key = request.Param("key");
  op.operation = operation;
  auto if_match = ReadIfMatch(request);
  if (!if_match) return SendError(responder, request, if_match.error());
  op.if_match = std::move(*if_match);
  auto body =
      ReadChange(operation, request, *codec, AreUsers(options_.access, collection));
  if (!body) return SendError(responder, request, body.error());
  op.body = std::move(*body);
  records::WriteRequest write;
  write.tenant = std::move(grant->tenant);
  write.guard.stored = grant->Matching(collection);
  if (!removal) write.guard.written = write.guard.stored;
  write.ops.push_back(std::move(op));
  Submit(request, std::move(responder), std::move(write), false, grant->scope);
}

void RecordRoutes::Submit(const http::Request& request, http::Responder responder,
                          records::WriteRequest write, bool batch,
                          const std::string& scope) {
  auto idempotency = ReadIdempotency(request);
  if (!idempotency) return SendError(responder, request, idempotency.error());
  if (*idempotency) (*idempotency)->scope += scope;
  const auto operation = write.ops.front().operation;
  // Shared by render and done, which the store may keep apart.
  auto origin = std::make_shared<const Origin>(
      Origin{std::string(request.path), std::string(request.request_id), batch,
             write.ops.size() == 1, operation == Operation::kInsert});
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  write.collection = request.Param("collection");
  write.idempotency = std::move(*idempotency);
  write.render = [origin, operation](const Result<std::vector<Written>>& written) {
    return written ? RenderWritten(*written, *origin, operation)
                   : RenderError(written.error(), *origin);
  };
  write.done = [shared, batch](Answer answer, bool replayed) {
    shared->Send(ToResponse(std::move(answer), batch, replayed));
  };
  store_.Submit(std::move(write));
}

void RecordRoutes::Get(const http::Request& request, http::Responder responder) {
  const auto* codec = Find(request, responder);
  if (codec == nullptr) return;
  const auto& collection = codec->collection();
  const auto grant =
      Allow(options_.access, query::Operation::kGet, request, collection.name);
  if (!grant) return SendError(responder, request, grant.error());
  const auto key = std::string(request.Param("key"));
  auto stored = store_.Get(grant->tenant, collection.name, key);
  if (!stored) return SendError(responder, request, stored.error());
  if (!grant->Sees(stored->document, collection)) {
    return SendError(responder, request, records::NoRecord(collection.name, key));
  }
  http::Response response;
  const auto etag = '"' + stored->version.ToHex() + '"';
  if (request.Header("if-none-match") == etag) {
    response.status = 304;
  } else {
    response.body = std::move(stored->document);
  }
  response.headers.emplace_back("ETag", etag);
  responder.Send(std::move(response));
}

void RecordRoutes::List(const http::Request& request, http::Responder responder) {
  const auto* codec = Find(request, responder);
  if (codec == nullptr) return;
  const auto& collection = codec->collection();
  auto grant = Allow(options_.access, query::Operation::kList, request, collection.name);
  if (!grant) return SendError(responder, request, grant.error());
  auto query =
      query::Parse(request.query, collection.name, collection.DocumentColumns(),
                   collection.key, {}, {options_.cursor_key, "records " + grant->scope});
  if (!query) return SendError(responder, request, query.error());
  // Nothing that the store would have to look for.
  if (grant->condition.never()) return responder.Send(PageResponse({}, std::nullopt));
  query->visible = std::move(grant->condition);
  auto work = [this, query = std::move(*query), name = collection.name,
               tenant = std::move(grant->tenant)]() -> Result<http::Response> {
    MR_TRY(const auto page,
           store_.List(tenant, name, query, Deadline::After(kListDeadline)));
    return PageResponse(page.documents, page.next_cursor);
  };
  http::AnswerOn(pool_, request, std::move(responder), std::move(work));
}

}  // namespace millrace::gateway
