#pragma once

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.hpp"
#include "route_table.hpp"

namespace millrace::http::internal {

/// Why a request is answered with an error and the connection closed.
struct Refusal {
  int status = 0;
  std::string_view code;
  std::string detail;
};

/// Room for the header views of one request; reused, since clearing it would cost more
/// than the parsing.
struct HeaderTable {
  static constexpr std::size_t kMaxFields = 100;
  std::array<HeaderField, kMaxFields> fields;
  std::size_t count = 0;
};

/// One request, parsed into views of the bytes given to `put`, which must stay where they
/// are until the request is handled. Adds the rules that Beast leaves to its users: Host,
/// unknown Transfer-Encoding, repeated Content-Length, obs-fold, absolute-form targets.
/// Beast's parser cannot be reset: make a new one for each request.
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  /// Finds the route in `routes` as soon as the request line is there, so that its body
  /// limit holds. A body that does not come in one piece is gathered in `body`.
  RequestParser(const RouteTable& routes, PathMatch& match, HeaderTable& headers,
                std::string& body, std::size_t header_limit);

  const Request& request() const { return request_; }
  /// Set once put() failed with anything but need_more.
  const Refusal& refusal() const { return refusal_; }
  bool http11() const { return version_ == 11; }
  bool expects_continue() const { return expects_continue_; }
  /// Whether the body, or what came of it, was put into `body`.
  bool body_gathered() const { return gathered_; }

  /// For a body that was read past this parser.
  void set_body(std::string_view body) { request_.body = body; }

  /// Turns Beast's error into a refusal unless one of our own is there.
  void Explain(const boost::beast::error_code& error);

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  using Field = boost::beast::http::field;

  void on_request_impl(boost::beast::http::verb verb, string_view method,
                       string_view target, int version, error_code& error) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(Field field, string_view name, string_view value,
                     error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length,
                         error_code& error) override;
  std::size_t on_body_impl(string_view piece, error_code& error) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view piece,
                                 error_code& error) override;
  void on_finish_impl(error_code& error) override;

  void Refuse(int status, std::string_view code, std::string detail, error_code& error);
  bool SetTarget(std::string_view target);
  void CheckKnownField(Field field, std::string_view value, error_code& error);

  const RouteTable& routes_;
  PathMatch& match_;
  HeaderTable& headers_;
  std::string& body_;
  Request request_;
  Refusal refusal_;
  std::string_view authority_;  ///< of an absolute-form target
  std::string_view host_;
  int version_ = 0;
  int host_count_ = 0;
  int length_count_ = 0;
  bool header_done_ = false;
  bool expects_continue_ = false;
  bool gathered_ = false;
};

}  // namespace millrace::http::internal
