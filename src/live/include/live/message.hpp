#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.hpp"
#include "http/stream.hpp"

namespace millrace::live {

/// What a client does with its map of records: put, take away, forget everything (a
/// snapshot follows), nothing (what it has is complete).
enum class Kind : std::uint8_t { kRecord, kRemove, kReset, kReady };
/// "record", "remove", "reset", "ready".
std::string_view ToString(Kind kind);

/// One message on its way to many: each form is made when it is first asked for, once.
/// One thread; what the forms give may go to any.
class Message {
 public:
  /// `data` is JSON without line ends and outlives the message.
  Message(Kind kind, const Version& id, std::string_view data)
      : kind_(kind), id_(id), data_(data) {}

  Kind kind() const { return kind_; }
  const Version& id() const { return id_; }
  std::string_view data() const { return data_; }

  /// "event: record\nid: …\ndata: {…}\n\n"
  const http::SharedBytes& ServerSent();
  /// A WebSocket's text frame: {"event":"record","id":"…","data":{…}}
  const http::SharedBytes& Frame();

 private:
  const Kind kind_;
  const Version id_;
  const std::string_view data_;
  http::SharedBytes server_sent_, frame_;
};

}  // namespace millrace::live
