#include "event_messages.hpp"

#include "schema/record_codec.hpp"

namespace millrace::live {
namespace {

/// With the key's literal, as the record has it.
std::string RemovedKey(std::string_view document, const schema::Collection& collection) {
  if (document.empty()) return {};
  std::string out = "{\"key\":";
  out += schema::FindMember(document, collection.key);
  out += '}';
  return out;
}

}  // namespace

EventMessages::EventMessages(const change::Event& event,
                             const schema::Collection& collection)
    : event_(event), removed_(RemovedKey(event.before, collection)) {}

Message* EventMessages::For(const View& view) {
  const bool shown = view.Shows(event_.after);
  if (!shown && !view.Shows(event_.before)) return nullptr;
  const auto kind = shown ? Kind::kRecord : Kind::kRemove;
  const auto id = view.Id(event_.version);
  if (!made_ || made_->kind() != kind || made_->id() != id) {
    made_.emplace(kind, id, shown ? event_.after : std::string_view(removed_));
  }
  return &*made_;
}

}  // namespace millrace::live
