#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "http/client.hpp"

namespace millrace::http::internal {

/// Reads one HTTP response from the bytes of a connection: read into Space(), Commit(),
/// until done(). 1xx answers are skipped.
class ResponseParser {
 public:
  ResponseParser(bool to_head, std::uint64_t body_limit);
  ~ResponseParser();

  std::span<char> Space();
  /// kTooLarge: the body is over the limit. kInternal: this is not HTTP.
  Status Commit(std::size_t bytes);
  /// The connection ended. False if the answer was not whole by then.
  bool FinishAtEnd();

  bool done() const;
  /// Whether the connection may be used again.
  bool keep_alive() const;
  ClientResponse TakeResponse();

 private:
  class Parser;
  const bool to_head_;
  const std::uint64_t body_limit_;
  std::unique_ptr<Parser> parser_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace millrace::http::internal
