#include "base/json.hpp"
#include "change/envelope.hpp"

namespace millrace::change {
namespace {

void AppendDocument(std::string& out, std::string_view document) {
  out += document.empty() ? std::string_view("null") : document;
}

// An envelope is these four in turn, with the after-image behind the first, the key
// behind the second and the position behind the third.

void AppendUpToAfter(std::string& out, const Event& event) {
  out += "{\"before\":";
  AppendDocument(out, event.before);
  out += ",\"after\":";
}

void AppendUpToKey(std::string& out, const Event& event) {
  out += R"(,"source":{"version":"1","connector":"millrace","name":)";
  AppendJsonString(out, event.source);
  out += ",\"ts_ms\":";
  AppendInt(out, event.committed_at / 1000);
  out += ",\"ts_us\":";
  AppendInt(out, event.committed_at);
  out += ",\"ts_ns\":";
  AppendInt(out, event.committed_at * 1000);
  out += event.op == 'r' ? R"(,"snapshot":"true","db":)" : R"(,"snapshot":"false","db":)";
  AppendJsonString(out, event.tenant);
  out += ",\"collection\":";
  AppendJsonString(out, event.collection);
  out += ",\"key\":";
}

void AppendUpToPosition(std::string& out, const Event& event) {
  out += ",\"epoch\":";
  AppendUint(out, event.version.epoch);
  out += ",\"position\":";
}

void AppendRest(std::string& out, const Event& event) {
  out += ",\"ordinal\":";
  AppendUint(out, event.version.ordinal);
  if (event.as_of) {
    out += ",\"as_of\":\"";
    event.as_of->AppendHex(out);
    out += '"';
  }
  out += "},\"op\":\"";
  out += event.op;
  out += "\",\"operation\":";
  AppendJsonString(out, event.operation);
  out += ",\"ts_ms\":";
  AppendInt(out, event.committed_at / 1000);
  out += '}';
}

}  // namespace

void AppendEnvelope(std::string& out, const Event& event) {
  AppendUpToAfter(out, event);
  AppendDocument(out, event.after);
  AppendUpToKey(out, event);
  AppendJsonString(out, event.key);
  AppendUpToPosition(out, event);
  AppendUint(out, event.version.position);
  AppendRest(out, event);
}

EnvelopeSeries::EnvelopeSeries(const Event& common) {
  AppendUpToAfter(up_to_after_, common);
  AppendUpToKey(up_to_key_, common);
  AppendUpToPosition(up_to_position_, common);
  AppendRest(rest_, common);
}

void EnvelopeSeries::End(std::string& out, std::string_view key,
                         std::uint64_t position) const {
  out += up_to_key_;
  AppendJsonString(out, key);
  out += up_to_position_;
  AppendUint(out, position);
  out += rest_;
}

std::size_t EnvelopeSeries::size() const {
  constexpr std::size_t kQuotesAndPosition = 2 + 20;
  return up_to_after_.size() + up_to_key_.size() + up_to_position_.size() + rest_.size() +
         kQuotesAndPosition;
}

}  // namespace millrace::change
