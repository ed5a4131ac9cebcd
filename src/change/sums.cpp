#include "change/sums.hpp"

#include <string>

#include "base/bytes.hpp"

namespace millrace::change {
namespace {

/// Past the closing quote of the string that opens at `at`; text.size() if it never ends.
std::size_t StringEnd(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

/// Past the member that begins at `at`: the comma or brace behind it.
std::size_t MemberEnd(std::string_view text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '"':
        at = StringEnd(text, at);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth-- == 0) return at;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
    ++at;
  }
  return at;
}

template <typename Each>
void WalkMembers(std::string_view document, Each each) {
  if (!document.starts_with('{')) return;
  std::size_t at = 1;
  while (at < document.size() && document[at] != '}') {
    const auto end = MemberEnd(document, at);
    each(document.substr(at, end - at), document.substr(end) == "}");
    at = end + 1;
  }
}

}  // namespace

void ForEachMember(std::string_view document,
                   const std::function<void(std::string_view member)>& each) {
  WalkMembers(document, [&each](std::string_view member, bool) { each(member); });
}

void RowHash::Add(std::string_view member) {
  if (!member.ends_with(":null")) value_ += Hash64(member);
}

RowHash HistoryHash(std::string_view image) {
  RowHash hash;
  WalkMembers(image, [&hash](std::string_view member, bool last) {
    if (!last) hash.Add(member);
  });
  return hash;
}

RowHash StateHash(std::string_view document) {
  RowHash hash;
  WalkMembers(document, [&hash](std::string_view member, bool) { hash.Add(member); });
  return hash;
}

void Sum::AddChange(std::string_view source, const Version& version,
                    const RowHash& members) {
  std::string head;
  AppendEventId(head, source, version);
  head += '\n';
  version.AppendHex(head);
  ++rows;
  hash += Hash64(head, members.value());
}

void Sum::AddChange(std::string_view source, const Version& version,
                    std::string_view image) {
  AddChange(source, version, HistoryHash(image));
}

void Sum::AddState(const RowHash& members) {
  ++rows;
  // Not the bare sum: the members of two rows must not be able to change places.
  hash += Hash64("state", members.value());
}

void Sum::AddState(std::string_view document) { AddState(StateHash(document)); }

}  // namespace millrace::change
