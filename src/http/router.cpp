#include "http/router.hpp"

#include <utility>

#include "encoding.hpp"
#include "http/problem.hpp"
#include "http/stream.hpp"
#include "mailbox.hpp"
#include "route_table.hpp"

namespace millrace::http {

Responder::Responder(std::shared_ptr<internal::Mailbox> mailbox, internal::Ticket ticket)
    : mailbox_(std::move(mailbox)), ticket_(ticket) {}

Responder::Responder(Responder&& other) noexcept
    : mailbox_(std::move(other.mailbox_)),
      ticket_(other.ticket_),
      hook_(std::move(other.hook_)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(mailbox_, other.mailbox_);
  std::swap(ticket_, other.ticket_);
  std::swap(hook_, other.hook_);
  return *this;
}

Responder::~Responder() {
  if (!mailbox_) return;
  Send(ProblemOf(500, "internal", "the request was dropped without an answer", {}, {}));
}

void Responder::Intercept(AnswerHook hook) {
  hook_ = std::make_unique<AnswerHook>(std::move(hook));
}

void Responder::Send(Response response) {
  using Coding = internal::Ticket::Coding;
  if (mailbox_ && hook_) {
    const auto hook = std::exchange(hook_, nullptr);
    return (*hook)(std::move(response), std::move(*this));
  }
  const auto mailbox = std::exchange(mailbox_, nullptr);
  if (!mailbox) return;
  if (ticket_.coding != Coding::kOff)
    internal::Encode(response, ticket_.coding == Coding::kGzip);
  mailbox->Send(ticket_, std::move(response));
}

std::shared_ptr<Stream> Responder::Open(Response head, StreamOptions options) {
  const auto mailbox = std::exchange(mailbox_, nullptr);
  if (!mailbox) return nullptr;
  auto stream = std::make_shared<Stream>(std::move(options), mailbox, ticket_);
  mailbox->Send(ticket_, internal::OpenStream{std::move(head), stream});
  return stream;
}

Router::Router() : table_(std::make_unique<internal::RouteTable>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

void Router::Add(Method method, std::string pattern, Handler handler,
                 RouteOptions options, std::string name) {
  if (wrapper_) handler = wrapper_(method, pattern, std::move(handler));
  table_->Add(method, std::move(pattern), std::move(handler), options, std::move(name));
}

void Router::SetWrapper(HandlerWrapper wrapper) { wrapper_ = std::move(wrapper); }

void Router::SetGate(std::shared_ptr<Gate> gate) { table_->set_gate(std::move(gate)); }

void Router::SetRefusalWriter(RefusalWriter writer) {
  table_->set_refusal_writer(std::move(writer));
}

}  // namespace millrace::http
