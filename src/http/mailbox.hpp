#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "http/message.hpp"
#include "http/router.hpp"

namespace millrace::http::internal {

/// Where responders put answers for the server's thread. Owned by the server and by every
/// responder, since those may outlive it.
class Mailbox {
 public:
  struct Letter {
    Ticket ticket;
    Response response;
  };
  using Deliver = std::function<void(Ticket, Response&&)>;

  /// `deliver` runs on the server's thread only; `wake` on any, and makes that thread
  /// call DeliverAll soon.
  Mailbox(Deliver deliver, std::function<void()> wake)
      : deliver_(std::move(deliver)), wake_(std::move(wake)) {}

  /// On the server's thread delivers at once, elsewhere leaves a letter and wakes the
  /// server if it is the first one. Dropped after Close.
  void Send(Ticket ticket, Response&& response);

  /// Marks the calling thread as the server's.
  void BindThread();
  /// On the server's thread.
  void DeliverAll();
  /// After the server's thread has ended.
  void Close();

 private:
  const Deliver deliver_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Letter> letters_;
  std::vector<Letter> taken_;  ///< server's thread only; reused
};

}  // namespace millrace::http::internal
