#include "redrive_entry.hpp"

#include <charconv>

namespace millrace::pipeline {
namespace {

constexpr std::string_view kLetter = "{\"letter\":";
constexpr std::string_view kOffset = ",\"offset\":";
constexpr std::string_view kSink = ",\"sink\":\"";
constexpr std::string_view kEnd = "\"}";

bool Skip(std::string_view& rest, std::string_view literal) {
  if (!rest.starts_with(literal)) return false;
  rest.remove_prefix(literal.size());
  return true;
}

template <typename T>
bool Number(std::string_view& rest, T& into) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), into);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

}  // namespace

std::string RedriveStream(std::string_view pipeline) {
  return "_redrive." + std::string(pipeline);
}

void AppendRedriveEntry(std::string& out, const RedriveEntry& entry) {
  // Names of sinks have nothing to escape.
  out.append(kLetter).append(std::to_string(entry.letter));
  out.append(kOffset).append(std::to_string(entry.offset));
  out.append(kSink).append(entry.sink).append(kEnd);
  out.append("\n").append(entry.event);
}

std::optional<RedriveEntry> ParseRedriveEntry(std::string_view body) {
  const std::size_t line = body.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  std::string_view head = body.substr(0, line);
  RedriveEntry entry;
  entry.event = body.substr(line + 1);
  if (!Skip(head, kLetter) || !Number(head, entry.letter) || !Skip(head, kOffset) ||
      !Number(head, entry.offset) || !Skip(head, kSink) || !head.ends_with(kEnd)) {
    return std::nullopt;
  }
  entry.sink = head.substr(0, head.size() - kEnd.size());
  return entry;
}

}  // namespace millrace::pipeline
