#include "request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

namespace millrace::http::internal {
namespace {

using boost::beast::error_code;
using boost::beast::http::error;

constexpr std::size_t kBodyStep = 256u << 10u;       ///< most bytes asked for in one read
constexpr std::size_t kKeptBodyBytes = 256u << 10u;  ///< larger bodies are given back

std::unique_ptr<char[]> NewBuffer(std::size_t capacity) {
  return std::make_unique_for_overwrite<char[]>(capacity + kBodyPadding);
}

}  // namespace

RequestReader::RequestReader(const RouteTable& routes, std::size_t header_limit)
    : routes_(routes), capacity_(header_limit), buffer_(NewBuffer(header_limit)) {}

void RequestReader::MakeParser() {
  parser_.emplace(routes_, match_, headers_, body_, capacity_);
  request_begin_ = begin_;
}

RequestReader::Outcome RequestReader::Next() {
  if (body_total_ > 0) return NeedMoreBody();
  if (!parser_ && begin_ == end_) {
    begin_ = end_ = 0;
    return Outcome::kNeedMore;
  }
  if (!parser_) MakeParser();
  error_code failed;
  begin_ +=
      parser_->put(boost::asio::const_buffer(&buffer_[begin_], end_ - begin_), failed);
  if (failed && failed != error::need_more) return Refused(failed);
  if (parser_->is_done()) return Outcome::kRequest;
  if (!parser_->is_header_done()) return NeedMoreHeader();
  if (parser_->chunked()) return NeedMoreChunks();
  body_total_ = *parser_->content_length();
  if (!parser_->body_gathered()) body_.clear();
  body_filled_ = body_.size();
  body_.reserve(body_total_ + kBodyPadding);
  begin_ = end_ = 0;
  head_ = std::exchange(buffer_, nullptr);
  return Outcome::kNeedMore;
}

/// Parses again from the start with the next bytes. Beast could go on, but once it waits
/// for the blank line it looks at nothing before it, and a line that can never become a
/// request would be answered by the timeout only. The header limit bounds what is parsed
/// again.
RequestReader::Outcome RequestReader::NeedMoreHeader() {
  parser_.reset();
  begin_ = request_begin_;
  if (end_ - begin_ == capacity_) {
    MakeParser();
    return Refused(error::header_limit);
  }
  std::memmove(&buffer_[0], &buffer_[begin_], end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  return Outcome::kNeedMore;
}

RequestReader::Outcome RequestReader::NeedMoreChunks() {
  const auto left = end_ - begin_;
  if (!head_) {
    auto fresh = NewBuffer(capacity_);
    std::memcpy(&fresh[0], &buffer_[begin_], left);
    head_ = std::exchange(buffer_, std::move(fresh));
  } else {
    std::memmove(&buffer_[0], &buffer_[begin_], left);
  }
  begin_ = 0;
  end_ = left;
  if (end_ < capacity_) return Outcome::kNeedMore;
  return Refused(error::bad_chunk_extension);  // one line fills the whole buffer
}

RequestReader::Outcome RequestReader::NeedMoreBody() {
  if (body_filled_ < body_total_) return Outcome::kNeedMore;
  parser_->set_body(body_);
  return Outcome::kRequest;
}

RequestReader::Outcome RequestReader::Refused(const error_code& failed) {
  parser_->Explain(failed);
  return Outcome::kRefused;
}

std::span<char> RequestReader::Space() {
  if (body_total_ == 0) return {&buffer_[end_], capacity_ - end_};
  const auto wanted = std::min<std::uint64_t>(body_total_, body_filled_ + kBodyStep);
  if (body_.size() < wanted) {
    body_.resize_and_overwrite(wanted, [](char*, std::size_t size) { return size; });
  }
  return {&body_[body_filled_], body_.size() - body_filled_};
}

void RequestReader::Commit(std::size_t bytes) {
  (body_total_ > 0 ? body_filled_ : end_) += bytes;
}

void RequestReader::Consume() {
  parser_.reset();
  continue_sent_ = false;
  body_total_ = 0;
  if (head_ && !buffer_) buffer_ = std::move(head_);
  head_.reset();
  if (body_.capacity() > kKeptBodyBytes) body_ = std::string();
}

RequestReader::Stage RequestReader::stage() const {
  if (!parser_) return begin_ == end_ ? Stage::kIdle : Stage::kHeader;
  return parser_->is_header_done() ? Stage::kBody : Stage::kHeader;
}

bool RequestReader::TakeContinue() {
  if (continue_sent_ || stage() != Stage::kBody || !parser_->expects_continue()) {
    return false;
  }
  continue_sent_ = true;
  return body_total_ > 0 ? body_filled_ == 0 : true;
}

}  // namespace millrace::http::internal
