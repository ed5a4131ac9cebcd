#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace millrace::simulator {

/// One call of the public API that changes something.
struct Write {
  enum class Kind : std::uint8_t {
    kCreate,  ///< a record; `body` may be an array
    kPatch,   ///< merge patch of the record `key`
    kDelete,
    kAppend,  ///< `body`, as it is, to the stream `place`
  };
  Kind kind = Kind::kCreate;
  std::string place;  ///< collection or stream
  std::string key{};
  std::string body{};
  friend bool operator==(const Write&, const Write&) = default;
};

struct Question {
  std::string collection;
  std::string filter;  ///< as in a list request ("status=eq.shipped"); empty: all
  std::vector<std::string> fields;
  std::size_t limit = 1'000;
};
/// A text for each field asked for; empty where it is null.
using Row = std::vector<std::string>;

/// What simulators act on: a server, through its public API. One thread.
class Target {
 public:
  virtual ~Target() = default;
  /// Sends it and waits for the answer. kConflict: the key exists already. Other errors:
  /// refused (kInvalidArgument, kNotFound) with the server's words, or no clear answer
  /// (kUnavailable, kDeadlineExceeded). Nothing was stored, but for kDeadlineExceeded.
  virtual Status Send(const Write& write) = 0;
  /// The oldest records that fit, oldest first. Errors as Send.
  virtual Result<std::vector<Row>> Oldest(const Question& question) = 0;
  /// The highest n of the keys "<prefix>n" in the collection; 0: there is none.
  virtual Result<std::uint64_t> HighestNumber(const std::string& collection,
                                              const std::string& prefix) = 0;
};

}  // namespace millrace::simulator
