#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/time.hpp"

namespace millrace::simulator {

/// Writes one JSON object, members in the order of the calls.
class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view text) {
    Key(name);
    AppendJsonString(text_, text);
    return *this;
  }
  /// `literal` is JSON already.
  JsonObject& Raw(std::string_view name, std::string_view literal) {
    Key(name);
    text_ += literal;
    return *this;
  }
  JsonObject& Number(std::string_view name, std::int64_t number) {
    Key(name);
    AppendInt(text_, number);
    return *this;
  }
  JsonObject& Time(std::string_view name, TimestampUs at) {
    Key(name);
    text_ += '"';
    AppendTimestamp(text_, at);
    text_ += '"';
    return *this;
  }
  std::string End() && { return std::move(text_) + "}"; }

 private:
  void Key(std::string_view name) {
    if (text_.size() > 1) text_ += ',';
    AppendJsonKey(text_, name);
  }
  std::string text_ = "{";
};

}  // namespace millrace::simulator
