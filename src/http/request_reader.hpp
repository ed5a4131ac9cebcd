#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "request_parser.hpp"
#include "route_table.hpp"

namespace millrace::http::internal {

/// Turns the bytes of one connection into requests, without any input or output of its
/// own:
///   while Next() is kRequest: use request(), then Consume(); else read into Space().
/// Pipelined requests are parsed in place; only a body that did not arrive with its
/// header is copied, and only once.
class RequestReader {
 public:
  RequestReader(const RouteTable& routes, std::size_t header_limit);

  enum class Outcome {
    kNeedMore,
    kRequest,
    kRefused,  ///< answer refusal() and close: nothing after it can be trusted
  };
  Outcome Next();
  /// Done with the request of the last Next: its views die.
  void Consume();

  /// Where the next bytes belong; never empty after kNeedMore.
  std::span<char> Space();
  void Commit(std::size_t bytes);

  /// What came behind the last request that was consumed.
  std::string_view Rest() const {
    return buffer_ ? std::string_view(&buffer_[begin_], end_ - begin_)
                   : std::string_view();
  }

  const Request& request() const { return parser_->request(); }
  const Refusal& refusal() const { return parser_->refusal(); }
  const PathMatch& match() const { return match_; }
  /// What the client asked for and HTTP's version says.
  bool keep_alive() const { return parser_->keep_alive(); }
  bool http11() const { return parser_->http11(); }

  enum class Stage { kIdle, kHeader, kBody };
  /// What has been read of the next request.
  Stage stage() const;
  /// True once for each request whose client waits for "100 Continue" with its body.
  bool TakeContinue();

 private:
  Outcome NeedMoreHeader();
  Outcome NeedMoreChunks();
  Outcome NeedMoreBody();
  Outcome Refused(const boost::beast::error_code& error);
  void MakeParser();

  const RouteTable& routes_;
  const std::size_t capacity_;      ///< without the padding behind it
  std::unique_ptr<char[]> buffer_;  ///< [begin_, end_) is not parsed yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t request_begin_ = 0;
  /// The buffer that a chunked request's header views point into, while its body is read.
  std::unique_ptr<char[]> head_;
  std::string body_;
  /// Behind a Content-Length the rest of the body is read straight into body_.
  std::uint64_t body_total_ = 0;  ///< 0: not in that state
  std::size_t body_filled_ = 0;
  PathMatch match_;
  HeaderTable headers_;
  std::optional<RequestParser> parser_;
  bool continue_sent_ = false;
};

}  // namespace millrace::http::internal
