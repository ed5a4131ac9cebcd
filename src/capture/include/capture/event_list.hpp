#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/uuid.hpp"
#include "schema/record_codec.hpp"

namespace millrace::capture {

/// The drafts of one request in one piece of memory: requests have thousands.
class EventList {
 public:
  void Add(const schema::DraftView& draft);
  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.empty(); }
  /// Valid until the next Add.
  schema::DraftView operator[](std::size_t index) const;
  std::uint64_t bytes() const { return text_.size(); }

 private:
  struct Event {
    std::size_t key, json, key_at;  ///< where its key and its document begin
  };
  std::string text_;  ///< of each its key, then its document
  std::vector<Event> events_;
};

/// What became of one event.
struct AcceptedEvent {
  std::string_view event_id;  ///< as given, or made
  Offset offset = 0;          ///< in the stream; of the first one when it is a duplicate
  bool duplicate = false;  ///< an event of this id was there already: nothing was added
};

/// What became of the events of one request, in their order.
class AcceptedEvents {
 public:
  void Reserve(std::size_t events);
  /// One more event, whose place is not known yet, under the id it brought or a new one.
  void AddGiven(std::string_view event_id);
  void AddMade(const Uuid& event_id);
  void Place(std::size_t index, Offset offset, bool duplicate);

  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.empty(); }
  std::size_t duplicates() const { return duplicates_; }
  /// Its id is valid until the next Add.
  AcceptedEvent operator[](std::size_t index) const;

 private:
  struct Event {
    std::size_t id_end;
    Offset offset;
    bool duplicate;
  };
  std::string ids_;
  std::vector<Event> events_;
  std::size_t duplicates_ = 0;
};

}  // namespace millrace::capture
