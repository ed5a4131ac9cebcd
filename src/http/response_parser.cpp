#include "response_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

#include "ascii.hpp"

namespace millrace::http::internal {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::http::error;

constexpr std::size_t kBufferBytes = 64u << 10u;

}  // namespace

class ResponseParser::Parser final : public beast::http::basic_parser<false> {
 public:
  ClientResponse response;

 private:
  using string_view = beast::string_view;
  void on_request_impl(beast::http::verb, string_view, string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, string_view, int, error_code&) override {
    response.status = status;
  }
  void on_field_impl(beast::http::field, string_view name, string_view value,
                     error_code&) override {
    std::string lower(name.data(), name.size());
    for (char& c : lower) c = ToLower(c);
    response.headers.emplace_back(std::move(lower),
                                  std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length,
                         error_code&) override {
    if (length) response.body.reserve(*length);
  }
  std::size_t on_body_impl(string_view piece, error_code&) override {
    response.body.append(piece.data(), piece.size());
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override {
    response.body.append(piece.data(), piece.size());
    return piece.size();
  }
  void on_finish_impl(error_code&) override {}
};

ResponseParser::ResponseParser(bool to_head, std::uint64_t body_limit)
    : to_head_(to_head), body_limit_(body_limit) {
  // Spare bytes behind the end: Beast 1.81 looks one byte too far when it compares names.
  buffer_.resize(kBufferBytes + 64);
}

ResponseParser::~ResponseParser() = default;

std::span<char> ResponseParser::Space() { return {&buffer_[end_], kBufferBytes - end_}; }

Status ResponseParser::Commit(std::size_t bytes) {
  end_ += bytes;
  for (;;) {
    if (!parser_) {
      parser_ = std::make_unique<Parser>();
      parser_->eager(true);
      parser_->skip(to_head_);
      parser_->header_limit(static_cast<std::uint32_t>(kBufferBytes));
      parser_->body_limit(body_limit_);
    }
    error_code failed;
    begin_ +=
        parser_->put(boost::asio::const_buffer(&buffer_[begin_], end_ - begin_), failed);
    if (failed == error::body_limit) {
      return Fail(ErrorCode::kTooLarge, "the answer is larger than the limit");
    }
    if (failed && failed != error::need_more) {
      return Fail(ErrorCode::kInternal, "malformed HTTP answer: " + failed.message());
    }
    const bool informational = parser_->is_done() && parser_->response.status < 200;
    if (!informational) break;
    parser_.reset();
    if (begin_ == end_) break;
  }
  std::memmove(&buffer_[0], &buffer_[begin_], end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ < kBufferBytes) return {};
  return Fail(ErrorCode::kInternal, "the headers of the answer are too large");
}

bool ResponseParser::FinishAtEnd() {
  if (!parser_ || !parser_->is_header_done()) return false;
  error_code failed;
  parser_->put_eof(failed);
  return !failed;
}

bool ResponseParser::done() const { return parser_ && parser_->is_done(); }

bool ResponseParser::keep_alive() const { return parser_->keep_alive() && end_ == 0; }

ClientResponse ResponseParser::TakeResponse() { return std::move(parser_->response); }

}  // namespace millrace::http::internal
