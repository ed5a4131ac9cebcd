#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "http/client.hpp"

namespace millrace::app {

/// One write to the public API. `row` numbers the operations of a file from 1 on: with
/// the file's hash it is the idempotency key.
struct Operation {
  std::uint64_t row = 0;
  http::Method method = http::Method::kPost;
  std::string collection;
  std::string key;   ///< empty in a create whose key is generated
  std::string body;  ///< empty for a delete
};

struct Refusal {
  std::uint64_t row;
  int status;
  std::string answer;
};

struct SenderOptions {
  http::ClientOptions server;
  std::uint32_t connections = 32;
  double rate = 0;  ///< operations a second; 0: as fast as it goes
  std::chrono::milliseconds retry_for{60'000};  ///< one operation, then the run fails
  std::string idempotency_prefix;               ///< hash of the file
  /// Told each refusal, by any connection's thread, one at a time; may be empty.
  std::function<void(const Refusal&)> on_refusal = {};
};

/// What the server acknowledged, by collection. `hash` is the additive history hash of
/// change/sums.hpp over creates and updates, from the answers themselves.
struct Acknowledged {
  std::uint64_t changes = 0;
  std::uint64_t hash = 0;
  std::uint64_t deletes =
      0;  ///< among `changes`, not in `hash`: their answer has no body
};

struct SendSummary {
  std::uint64_t operations = 0;
  std::uint64_t refused = 0;
  std::uint64_t retried = 0;
  std::uint64_t replayed = 0;  ///< answered from an earlier run
  double seconds = 0;
  std::map<std::string, Acknowledged> collections;
  std::vector<Refusal> refusals;  ///< the first 20
  std::string ToJson() const;
};

/// Sends operations over several connections, each key always over the same one, so that
/// its operations arrive in order. An operation without a clear answer is repeated with
/// the same idempotency key. One thread calls Add and Finish.
class OperationSender {
 public:
  explicit OperationSender(SenderOptions options);
  ~OperationSender();

  /// Waits while too many are under way. The error of a connection that gave up.
  Status Add(Operation operation);
  /// Answered so far; any thread.
  std::uint64_t answered() const;
  /// Waits for every answer.
  Result<SendSummary> Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::app
