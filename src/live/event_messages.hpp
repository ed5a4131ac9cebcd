#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "change/envelope.hpp"
#include "live/message.hpp"
#include "live/view.hpp"
#include "schema/collection.hpp"

namespace millrace::live {

/// What one event of a collection means to those who follow it. The event outlives this.
class EventMessages {
 public:
  EventMessages(const change::Event& event, const schema::Collection& collection);

  /// The record as it is now, its removal if it was shown until now, or null. A key that
  /// was never shown is not told.
  Message* For(const View& view);

 private:
  const change::Event& event_;
  const std::string removed_;    ///< {"key":…}, empty without a before-image
  std::optional<Message> made_;  ///< the last one: the next view may want the same
};

}  // namespace millrace::live
