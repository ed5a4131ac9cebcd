#include "refusal_fold.hpp"

namespace millrace::app {

bool RefusalFold::Keeps(const gateway::AuditEvent& refusal, TimestampUs now) {
  if (!since_) since_ = now;
  auto at = clients_.find(refusal.client);
  if (at == clients_.end() && clients_.size() < limits_.clients)
    at = clients_.emplace(refusal.client, Counts{refusal.address}).first;
  auto& counts = at == clients_.end() ? others_ : at->second;
  if (counts.kept < limits_.per_client && kept_ < limits_.total) {
    ++counts.kept;
    ++kept_;
    return true;
  }
  ++counts.folded;
  return false;
}

std::optional<TimestampUs> RefusalFold::due() const {
  if (!since_) return std::nullopt;
  return *since_ + limits_.window;
}

std::vector<gateway::AuditEvent> RefusalFold::Close(TimestampUs now) {
  std::vector<gateway::AuditEvent> events;
  if (!since_ || now < *due()) return events;
  const auto add = [&](const Counts& counts) {
    if (counts.folded == 0) return;
    gateway::AuditEvent event;
    event.result = gateway::AuditResult::kRefused;
    event.count = counts.folded;
    event.address = counts.address;
    event.code = "folded";
    events.push_back(std::move(event));
  };
  for (const auto& [client, counts] : clients_) add(counts);
  add(others_);
  clients_.clear();
  others_ = {};
  kept_ = 0;
  since_.reset();
  return events;
}

}  // namespace millrace::app
