#include "request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>

#include "ascii.hpp"
#include "encoding.hpp"

namespace millrace::http::internal {
namespace {

namespace beast = boost::beast;
using beast::http::verb;

constexpr std::size_t kMaxRequestId = 128;

Method MethodOf(verb verb) {
  switch (verb) {
    case verb::get:
      return Method::kGet;
    case verb::head:
      return Method::kHead;
    case verb::post:
      return Method::kPost;
    case verb::put:
      return Method::kPut;
    case verb::patch:
      return Method::kPatch;
    case verb::delete_:
      return Method::kDelete;
    case verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

/// Behind "name:" only blanks may come before the value; a line break there, or a value
/// that lies elsewhere, means that Beast joined folded lines.
bool IsFolded(std::string_view name, std::string_view value) {
  const char* at = name.data() + name.size() + 1;
  // A joined value lies in a buffer on the stack, which may be anywhere: look at the
  // bytes behind the name, not at the distance.
  while (*at == ' ' || *at == '\t') ++at;
  return at != value.data();
}

/// uri-host [":" port] by its characters: no blanks, no userinfo, no path, no list.
bool IsHost(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return IsAlphaNumeric(c) ||
           std::string_view("-._~%[]:!$&'()*+;=").find(c) != std::string_view::npos;
  });
}

bool IsRequestId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::ranges::all_of(text, [](char c) {
           return IsAlphaNumeric(c) ||
                  std::string_view("-._~:+/=@").find(c) != std::string_view::npos;
         });
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

RequestParser::RequestParser(const RouteTable& routes, PathMatch& match,
                             HeaderTable& headers, std::string& body,
                             std::size_t header_limit)
    : routes_(routes), match_(match), headers_(headers), body_(body) {
  headers_.count = 0;
  eager(true);
  this->header_limit(static_cast<std::uint32_t>(header_limit));
}

void RequestParser::Refuse(int status, std::string_view code, std::string detail,
                           error_code& error) {
  refusal_ = {status, code, std::move(detail)};
  error = beast::http::error::bad_field;  // any error stops the parser
}

void RequestParser::Explain(const error_code& error) {
  using beast::http::error;
  if (refusal_.status != 0) return;
  if (error == error::body_limit) {
    refusal_ = {413, "too_large", "the body is larger than this route takes"};
  } else if (error == error::header_limit) {
    refusal_ = {431, "header_too_large", "the request line and headers are too large"};
  } else {
    refusal_ = {400, "invalid_argument", "malformed HTTP request: " + error.message()};
  }
}

bool RequestParser::SetTarget(std::string_view target) {
  if (target == "*" && request_.method == Method::kOptions) {
    request_.path = target;
    return true;
  }
  if (target.front() != '/') {
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return false;
    const auto scheme = target.substr(0, scheme_end);
    if (!EqualsLowerCase(scheme, "http") && !EqualsLowerCase(scheme, "https"))
      return false;
    target.remove_prefix(scheme_end + 3);
    authority_ = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(authority_.size());
    if (authority_.empty() || target.empty() || target.front() != '/') return false;
  }
  for (const char c : target) {
    if (c == '#' || static_cast<unsigned char>(c) > 0x7e) return false;
  }
  const auto question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
  return true;
}

void RequestParser::on_request_impl(verb verb, string_view, string_view target,
                                    int version, error_code& error) {
  version_ = version;
  request_.method = MethodOf(verb);
  if (!SetTarget(View(target))) {
    Refuse(400, "invalid_argument", "the request target is not a path", error);
    return;
  }
  if (request_.path == "*") {
    match_.Clear();
  } else {
    routes_.Find(request_.method, request_.path, match_);
  }
  const auto* route = match_.route;
  body_limit((route != nullptr ? route->options : RouteOptions{}).body_limit);
}

void RequestParser::on_field_impl(Field field, string_view name, string_view value,
                                  error_code& error) {
  if (header_done_) return;  // a trailer: read, checked, not offered
  const HeaderField header{View(name), View(value)};
  if (IsFolded(header.name, header.value)) {
    Refuse(400, "invalid_argument", "folded header lines are not accepted", error);
    return;
  }
  if (headers_.count == HeaderTable::kMaxFields) {
    Refuse(431, "header_too_large", "too many headers", error);
    return;
  }
  headers_.fields[headers_.count++] = header;
  if (field != Field::unknown) {
    CheckKnownField(field, header.value, error);
  } else if (EqualsLowerCase(header.name, "x-request-id")) {
    if (IsRequestId(header.value)) request_.request_id = header.value;
  } else if (EqualsLowerCase(header.name, "traceparent")) {
    if (IsTraceparent(header.value)) request_.traceparent = header.value;
  }
}

void RequestParser::CheckKnownField(Field field, std::string_view value,
                                    error_code& error) {
  if (field == Field::host) {
    host_ = value;
    ++host_count_;
  } else if (field == Field::content_length) {
    if (++length_count_ > 1 || !IsDigits(value)) {
      Refuse(400, "invalid_argument", "Content-Length is not one number", error);
    }
  } else if (field == Field::transfer_encoding) {
    if (!EqualsLowerCase(value, "chunked") || version_ != 11) {
      Refuse(400, "invalid_argument", "the only Transfer-Encoding taken is chunked",
             error);
    }
  } else if (field == Field::expect) {
    if (!EqualsLowerCase(value, "100-continue")) {
      Refuse(417, "invalid_argument", "the only Expect taken is 100-continue", error);
    }
    expects_continue_ = version_ == 11;
  } else if (field == Field::accept_encoding) {
    request_.takes_gzip = TakesGzip(value);
  }
}

void RequestParser::on_header_impl(error_code& error) {
  header_done_ = true;
  request_.headers = {headers_.fields.data(), headers_.count};
  request_.params = match_.params();
  if (host_count_ > 1 || (host_count_ == 0 && version_ == 11) || !IsHost(host_)) {
    Refuse(400, "invalid_argument", "exactly one valid Host header is needed", error);
  } else if (!authority_.empty() && host_count_ == 1 && authority_ != host_) {
    Refuse(400, "invalid_argument", "the target names another host than Host", error);
  }
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>&,
                                      error_code&) {
  body_.clear();
}

std::size_t RequestParser::on_body_impl(string_view piece, error_code&) {
  if (!gathered_ && content_length_remaining() == piece.size()) {
    request_.body = View(piece);
    return piece.size();
  }
  if (!gathered_) {
    // All of it at once: memory that is not written to yet costs nothing.
    body_.reserve(*content_length() + kBodyPadding);
    gathered_ = true;
  }
  body_.append(piece.data(), piece.size());
  return piece.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view piece,
                                              error_code&) {
  gathered_ = true;
  body_.append(piece.data(), piece.size());
  return piece.size();
}

void RequestParser::on_finish_impl(error_code&) {
  if (!gathered_) return;
  body_.reserve(body_.size() + kBodyPadding);
  request_.body = body_;
}

}  // namespace millrace::http::internal
