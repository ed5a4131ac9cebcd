#include "capture/event_list.hpp"

namespace millrace::capture {
namespace {

constexpr std::size_t kUuidBytes = 36;

}  // namespace

void EventList::Add(const schema::DraftView& draft) {
  events_.push_back({text_.size(), text_.size() + draft.key.size(), draft.key_at});
  text_ += draft.key;
  text_ += draft.json;
}

schema::DraftView EventList::operator[](std::size_t index) const {
  const auto& event = events_[index];
  const auto end = index + 1 < events_.size() ? events_[index + 1].key : text_.size();
  const std::string_view text = text_;
  return {text.substr(event.key, event.json - event.key),
          text.substr(event.json, end - event.json), event.key_at};
}

void AcceptedEvents::Reserve(std::size_t events) {
  events_.reserve(events);
  ids_.reserve(events * kUuidBytes);
}

void AcceptedEvents::AddGiven(std::string_view event_id) {
  ids_ += event_id;
  events_.push_back({ids_.size(), 0, false});
}

void AcceptedEvents::AddMade(const Uuid& event_id) {
  AppendUuid(ids_, event_id);
  events_.push_back({ids_.size(), 0, false});
}

void AcceptedEvents::Place(std::size_t index, Offset offset, bool duplicate) {
  events_[index].offset = offset;
  events_[index].duplicate = duplicate;
  duplicates_ += duplicate ? 1 : 0;
}

AcceptedEvent AcceptedEvents::operator[](std::size_t index) const {
  const auto begin = index == 0 ? 0 : events_[index - 1].id_end;
  const auto& event = events_[index];
  return {std::string_view(ids_).substr(begin, event.id_end - begin), event.offset,
          event.duplicate};
}

}  // namespace millrace::capture
