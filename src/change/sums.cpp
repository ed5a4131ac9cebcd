#include "change/sums.hpp"

#include <string>

#include "base/bytes.hpp"

namespace millrace::change {

void Sum::AddChange(std::string_view source, const Version& version,
                    std::string_view document) {
  std::string head;
  AppendEventId(head, source, version);
  head += '\n';
  version.AppendHex(head);
  ++rows;
  hash += Hash64(document, Hash64(head));
}

void Sum::AddState(std::string_view document) {
  ++rows;
  hash += Hash64(document);
}

}  // namespace millrace::change
