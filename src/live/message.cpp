#include "live/message.hpp"

#include <memory>
#include <string>

#include "base/json_member.hpp"
#include "http/websocket.hpp"

namespace millrace::live {

std::string_view ToString(Kind kind) {
  switch (kind) {
    case Kind::kRecord:
      return "record";
    case Kind::kRemove:
      return "remove";
    case Kind::kReset:
      return "reset";
    case Kind::kReady:
      break;
  }
  return "ready";
}

const http::SharedBytes& Message::ServerSent() {
  if (server_sent_) return server_sent_;
  std::string out = "event: ";
  out += ToString(kind_);
  out += "\nid: ";
  id_.AppendHex(out);
  out += "\ndata: ";
  out += data_;
  out += "\n\n";
  server_sent_ = std::make_shared<const std::string>(std::move(out));
  return server_sent_;
}

const http::SharedBytes& Message::Frame() {
  if (frame_) return frame_;
  std::string text = "{";
  AppendMember(text, "event", ToString(kind_));
  AppendMember(text, "id", id_.ToHex());
  AppendMemberName(text, "data");
  text += data_;
  text += '}';
  std::string out;
  http::AppendWebSocketText(out, text);
  frame_ = std::make_shared<const std::string>(std::move(out));
  return frame_;
}

}  // namespace millrace::live
