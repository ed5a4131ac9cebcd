#include "letter_works.hpp"

#include <simdjson.h>

#include <charconv>

#include "base/json_member.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

using simdjson::dom::element;

constexpr std::size_t kShown = 20;
constexpr std::size_t kMaxReason = 1'000;

struct MendRequest {
  pipeline::MendSpec spec;
  bool apply = false;
  std::size_t shown = kShown;
};

Result<MendRequest> ParseMend(const std::string& text) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(text).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "the mend is not a JSON object");
  }
  MendRequest request;
  std::string_view document;
  std::uint64_t shown = 0;
  simdjson::dom::array set;
  if (root["document"].get(document) == simdjson::SUCCESS) {
    request.spec.document = document;
  }
  static_cast<void>(root["reset"].get(request.spec.reset));
  static_cast<void>(root["apply"].get(request.apply));
  if (root["shown"].get(shown) == simdjson::SUCCESS) request.shown = shown;
  if (root["set"].get(set) != simdjson::SUCCESS) return request;
  for (const element pair : set) {
    std::string_view field, expression;
    if (pair.at(0).get(field) != simdjson::SUCCESS ||
        pair.at(1).get(expression) != simdjson::SUCCESS) {
      return Fail(ErrorCode::kInvalidArgument,
                  "set: expected [[\"field\",\"expression\"],…]");
    }
    request.spec.set.emplace_back(field, expression);
  }
  return request;
}

void AppendItem(std::string& out, const pipeline::MendedLetter& letter) {
  out += '{';
  AppendMember(out, "id", static_cast<std::uint64_t>(letter.id));
  AppendMember(out, "sink", letter.sink);
  AppendMember(out, "key", letter.key);
  AppendMember(out, "stage", letter.stage);
  AppendMember(out, "reason", letter.reason);
  AppendMember(out, "before", letter.before);
  AppendMember(out, "after", letter.after);
  AppendFlagMember(out, "changed", letter.changed);
  AppendMember(out, "problem", letter.problem);
  out += '}';
}

}  // namespace

Result<std::string> OwnLetterWorks::Mend(const pipeline::LetterFilter& filter,
                                         const std::string& spec) {
  MR_TRY(const auto request, ParseMend(spec));
  MR_TRY(const auto report,
         pipelines_.Mend(filter, request.spec, request.apply, request.shown));
  std::string out = "{";
  AppendMember(out, "pipeline", report.pipeline);
  AppendMember(out, "letters", report.letters);
  AppendMember(out, "changed", report.changed);
  AppendMember(out, "failing", report.failing);
  AppendFlagMember(out, "applied", report.applied);
  out += ",\"items\":[";
  for (std::size_t i = 0; i < report.shown.size(); ++i) {
    if (i > 0) out += ',';
    AppendItem(out, report.shown[i]);
  }
  return out + "]}";
}

Result<std::string> OwnLetterWorks::Redrive(const pipeline::LetterFilter& filter) {
  MR_TRY(const auto started, pipelines_.Redrive(filter));
  std::string out = "{";
  AppendMember(out, "run", started.run);
  AppendMember(out, "letters", started.letters);
  return out + "}";
}

Result<std::string> OwnLetterWorks::Redriven(std::uint64_t run) {
  MR_TRY(const auto progress, pipelines_.Redriven(run));
  std::string out = "{";
  AppendMember(out, "run", run);
  AppendMember(out, "waiting", progress.letters.waiting);
  AppendMember(out, "applied", progress.letters.applied);
  AppendMember(out, "superseded", progress.letters.superseded);
  AppendMember(out, "died", progress.letters.died);
  out += ",\"stuck\":[";
  for (std::size_t i = 0; i < progress.stuck.size(); ++i) {
    out += i > 0 ? ",{" : "{";
    AppendMember(out, "sink", progress.stuck[i].name);
    AppendMember(out, "state", progress.stuck[i].state);
    AppendMember(out, "reason", progress.stuck[i].reason);
    out += '}';
  }
  return out + "]}";
}

Result<std::string> OwnLetterWorks::Dismiss(const pipeline::LetterFilter& filter,
                                            const std::string& reason) {
  if (reason.size() > kMaxReason || !simdjson::validate_utf8(reason)) {
    return Fail(ErrorCode::kInvalidArgument,
                "reason: expected a text of at most 1000 bytes in UTF-8");
  }
  MR_TRY(const auto dismissed, pipelines_.Dismiss(filter, reason));
  std::string out = "{";
  AppendMember(out, "dismissed", dismissed);
  return out + "}";
}

std::string ToQuery(const pipeline::DeadLetterFilter& filter) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += out.empty() ? '?' : '&';
    out += name;
    out += '=';
    http::AppendPercentEncoded(out, value);
  };
  add("pipeline", filter.pipeline);
  add("sink", filter.sink);
  add("stage", filter.stage);
  add("key", filter.key);
  add("state", filter.state);
  std::string ids;
  for (const auto id : filter.ids) ids += (ids.empty() ? "" : ",") + std::to_string(id);
  add("ids", ids);
  if (filter.mended) add("mended", "1");
  if (filter.run) add("run", std::to_string(*filter.run));
  add("limit", std::to_string(filter.limit));
  add("cursor", filter.cursor);
  return out;
}

Result<std::vector<std::int64_t>> ParseIds(std::string_view text) {
  std::vector<std::int64_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int64_t id = 0;
    const auto read = std::from_chars(at, end, id);
    if (read.ec != std::errc() || (read.ptr < end && *read.ptr != ',')) {
      return Fail(ErrorCode::kInvalidArgument,
                  "ids \"" + std::string(text) + "\": expected numbers such as 1,2,3");
    }
    ids.push_back(id);
    at = read.ptr + 1;
  }
  return ids;
}

}  // namespace millrace::app
