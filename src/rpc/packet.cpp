#include "packet.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/json_member.hpp"

namespace millrace::rpc::internal {
namespace {

namespace dom = simdjson::dom;

constexpr int kMaxPatternDepth = 8;

void AppendRoute(std::string& out, dom::element pattern, int depth) {
  dom::object object;
  if (pattern.get(object) != simdjson::SUCCESS || depth == kMaxPatternDepth) {
    out += simdjson::minify(pattern);
    return;
  }
  std::vector<std::pair<std::string_view, dom::element>> members;
  for (const auto [key, value] : object) members.emplace_back(key, value);
  std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
  out += '{';
  for (const auto& [key, value] : members) {
    AppendMemberName(out, key);
    AppendRoute(out, value, depth + 1);
  }
  out += '}';
}

/// NestJS finds handlers by this: members in order of their names; JSON in a text counts
/// as that JSON, other text as itself.
std::string RouteOf(dom::element pattern) {
  std::string route;
  std::string_view text;
  if (pattern.get(text) != simdjson::SUCCESS) {
    AppendRoute(route, pattern, 0);
    return route;
  }
  dom::parser parser;
  dom::element inside;
  if (parser.parse(simdjson::padded_string(text)).get(inside) == simdjson::SUCCESS) {
    AppendRoute(route, inside, 0);
    return route;
  }
  return std::string(text);
}

/// The one packet of an answer: `value` behind its begin.
std::string LastPacket(std::string_view begin, std::string_view value,
                       std::string_view id) {
  std::string out(begin);
  out += value;
  out += R"(,"isDisposed":true,"id":)";
  out += id;
  out += '}';
  return out;
}

}  // namespace

Result<Packet> PacketParser::Parse(std::string_view json) {
  dom::element element;
  if (parser_.parse(json.data(), json.size(), false).get(element) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, "a frame is no JSON");
  }
  Packet packet;
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return packet;
  for (const auto [key, value] : object) {
    if (key == "pattern") packet.pattern = RouteOf(value);
    if (key == "data") packet.data = simdjson::minify(value);
    if (key == "id") packet.id = simdjson::minify(value);
    if (key == "response") packet.response = simdjson::minify(value);
    std::string_view token;
    if (key == "token" && value.get(token) == simdjson::SUCCESS) packet.token = token;
    if (key == "err") packet.err = simdjson::minify(value);
  }
  return packet;
}

std::string ReplyPacket(std::string_view response, std::string_view id) {
  return LastPacket(R"({"response":)", response, id);
}

std::string ErrorPacket(std::string_view err, std::string_view id) {
  return LastPacket(R"({"err":)", err, id);
}

std::string UnknownPatternPacket(std::string_view id) {
  std::string out = R"({"id":)";
  out += id;
  out += R"(,"status":"error","err":"There is no matching message handler defined in )";
  out += R"(the remote service."})";
  return out;
}

std::string RequestPacket(std::string_view pattern, std::string_view data,
                          std::uint64_t id, std::string_view token) {
  std::string out = R"({"pattern":)";
  out += pattern;
  out += R"(,"data":)";
  out += data;
  out += R"(,"id":")";
  AppendUint(out, id);
  out += '"';
  if (!token.empty()) AppendMember(out, "token", token);
  out += '}';
  return out;
}

bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return different == 0;
}

}  // namespace millrace::rpc::internal
