#include "http_target.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/json.hpp"
#include "collection_json.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

using simulator::Row;
using simulator::Write;

constexpr std::chrono::milliseconds kAnswerWithin{30'000};
constexpr std::chrono::milliseconds kPause{100};

bool Transient(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504 ||
         status == 507;
}

std::string RecordsOf(const std::string& collection) {
  std::string target = "/api/collections/";
  http::AppendPercentEncoded(target, collection);
  return target + "/records";
}

std::string TargetOf(const Write& write, const std::string& id) {
  if (write.kind == Write::Kind::kAppend) {
    std::string target = "/api/streams/";
    http::AppendPercentEncoded(target, write.place);
    return target + "/events?event_id=" + id;
  }
  std::string target = RecordsOf(write.place);
  if (write.kind == Write::Kind::kCreate) return target;
  target += '/';
  http::AppendPercentEncoded(target, write.key);
  return target;
}

http::Method MethodOf(Write::Kind kind) {
  if (kind == Write::Kind::kPatch) return http::Method::kPatch;
  return kind == Write::Kind::kDelete ? http::Method::kDelete : http::Method::kPost;
}

/// "400 customer_id is required": the answer's own words.
Error Refusal(const http::ClientResponse& response) {
  std::string message = std::to_string(response.status) + ' ';
  const auto detail = TextMember(response.body, "detail");
  message += detail.empty() ? response.body : detail;
  simdjson::dom::parser parser;
  simdjson::dom::array errors;
  if (parser.parse(simdjson::padded_string(response.body))["errors"].get(errors) ==
      simdjson::SUCCESS) {
    for (const auto error : errors) message += "; " + simdjson::minify(error);
  }
  auto code = ErrorCode::kInvalidArgument;
  if (response.status == 404) code = ErrorCode::kNotFound;
  if (response.status == 409) code = ErrorCode::kConflict;
  if (response.status >= 500 || Transient(response.status))
    code = ErrorCode::kUnavailable;
  return {code, std::move(message)};
}

struct Page {
  std::vector<Row> rows;
  std::string cursor;
};

Result<Page> ParsePage(const std::string& body, const std::vector<std::string>& fields) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array items;
  if (parser.parse(simdjson::padded_string(body)).get(root) != simdjson::SUCCESS ||
      root["items"].get(items) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInternal, "the server's list is broken");
  }
  Page page;
  for (const auto item : items) {
    Row& row = page.rows.emplace_back();
    for (const auto& field : fields) {
      std::string_view text;
      const bool is_text = item[field].get(text) == simdjson::SUCCESS;
      row.emplace_back(is_text ? text : std::string_view());
    }
  }
  std::string_view cursor;
  if (root["next_cursor"].get(cursor) == simdjson::SUCCESS) page.cursor = cursor;
  return page;
}

}  // namespace

HttpTarget::HttpTarget(http::ClientOptions server, std::string run,
                       std::chrono::milliseconds retry_for)
    : server_(std::move(server)), run_(std::move(run)), retry_for_(retry_for) {}

Status HttpTarget::Connect(const std::function<void(const Error&)>& waiting) {
  const auto until = Deadline::After(retry_for_);
  for (bool told = false;; told = true) {
    auto client = http::Client::Connect(server_, Deadline::After(kAnswerWithin));
    if (client) {
      client_.emplace(*std::move(client));
      return {};
    }
    if (until.expired()) return Fail(std::move(client).error());
    if (!told) waiting(client.error());
    std::this_thread::sleep_for(kPause);
  }
}

Result<http::ClientResponse> HttpTarget::AskOnce(http::Method method,
                                                 const std::string& target,
                                                 const std::string& body,
                                                 const http::Client::Headers& headers) {
  const auto deadline = Deadline::After(kAnswerWithin);
  if (!client_) {
    MR_TRY(auto client, http::Client::Connect(server_, deadline));
    client_.emplace(std::move(client));
  }
  return client_->Send(method, target, body, headers, deadline);
}

Result<http::ClientResponse> HttpTarget::Ask(http::Method method,
                                             const std::string& target,
                                             const std::string& body,
                                             const http::Client::Headers& headers) {
  const auto until = Deadline::After(retry_for_);
  for (;;) {
    auto response = AskOnce(method, target, body, headers);
    if (response && response->status < 300) return response;
    if (response && !Transient(response->status)) return Fail(Refusal(*response));
    if (until.expired()) {
      return response ? Fail(Refusal(*response)) : Fail(std::move(response.error()));
    }
    std::this_thread::sleep_for(kPause);
  }
}

Status HttpTarget::Send(const Write& write) {
  const std::string id = run_ + "-" + std::to_string(++sent_);
  http::Client::Headers headers;
  if (write.kind == Write::Kind::kAppend) {
    headers.emplace_back("Content-Type", "application/octet-stream");
  } else {
    headers.emplace_back("Idempotency-Key", id);
  }
  MR_CHECK_OK(Ask(MethodOf(write.kind), TargetOf(write, id), write.body, headers));
  return {};
}

Result<std::string> HttpTarget::CreatedAt(const std::string& collection) {
  auto& name = created_at_[collection];
  if (!name.empty()) return name;
  std::string target = "/api/collections/";
  http::AppendPercentEncoded(target, collection);
  MR_TRY(const auto response, Ask(http::Method::kGet, target, "", {}));
  simdjson::dom::parser parser;
  std::string_view found;
  if (parser.parse(simdjson::padded_string(response.body))["system"]["_created_at"].get(
          found) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInternal,
                "the server's description of the collection is broken");
  }
  return name = found;
}

Result<std::vector<Row>> HttpTarget::Oldest(const simulator::Question& question) {
  MR_TRY(const auto order, CreatedAt(question.collection));
  std::string target = RecordsOf(question.collection) + "?order=" + order +
                       "&limit=" + std::to_string(question.limit);
  if (!question.filter.empty()) target += "&" + question.filter;
  MR_TRY(const auto response, Ask(http::Method::kGet, target, "", {}));
  MR_TRY(auto page, ParsePage(response.body, question.fields));
  return std::move(page.rows);
}

Result<std::uint64_t> HttpTarget::HighestNumber(const std::string& collection,
                                                const std::string& prefix) {
  std::string description = "/api/collections/";
  http::AppendPercentEncoded(description, collection);
  MR_TRY(const auto shape, Ask(http::Method::kGet, description, "", {}));
  const std::vector<std::string> fields{TextMember(shape.body, "key")};
  std::uint64_t highest = 0;
  for (std::string cursor;;) {
    std::string target = RecordsOf(collection) + "?limit=1000";
    if (!cursor.empty()) {
      target += "&cursor=";
      http::AppendPercentEncoded(target, cursor);
    }
    MR_TRY(const auto response, Ask(http::Method::kGet, target, "", {}));
    MR_TRY(auto page, ParsePage(response.body, fields));
    for (const Row& row : page.rows) {
      if (!row.front().starts_with(prefix)) continue;
      std::uint64_t number = 0;
      const char* end = row.front().data() + row.front().size();
      if (std::from_chars(row.front().data() + prefix.size(), end, number).ptr == end) {
        highest = std::max(highest, number);
      }
    }
    if (page.cursor.empty()) return highest;
    cursor = std::move(page.cursor);
  }
}

}  // namespace millrace::app
