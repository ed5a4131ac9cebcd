#include "json_view.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace millrace::app {
namespace {

using simdjson::dom::element;

std::string Text(element object, const char* name) {
  element member;
  if (object[name].get(member) != simdjson::SUCCESS) return {};
  std::string_view text;
  if (member.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(member);
}

}  // namespace

Items ItemsOf(std::string_view page) {
  Items items;
  simdjson::dom::parser parser;
  element root;
  simdjson::dom::array array;
  if (parser.parse(simdjson::padded_string(page)).get(root) != simdjson::SUCCESS ||
      root["items"].get(array) != simdjson::SUCCESS) {
    return items;
  }
  for (const auto item : array) items.items.push_back(simdjson::minify(item));
  std::string_view cursor;
  if (root["next_cursor"].get(cursor) == simdjson::SUCCESS) items.next_cursor = cursor;
  return items;
}

std::string OneLine(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(simdjson::padded_string(json)).get(root) != simdjson::SUCCESS)
    return {};
  return simdjson::minify(root);
}

std::string StatusTable(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::array pipelines;
  if (parser.parse(simdjson::padded_string(json)).get(pipelines) != simdjson::SUCCESS) {
    return {};
  }
  if (pipelines.size() == 0) return "no pipelines\n";
  constexpr auto kLine = "{:<24} {:<28} {:<10} {:>12} {:>12} {:>10} {:>8}  {}\n";
  auto out = fmt::format(kLine, "pipeline", "sink", "state", "position", "end", "lag",
                         "dead", "");
  for (const auto pipeline : pipelines) {
    simdjson::dom::array sinks;
    if (pipeline["sinks"].get(sinks) != simdjson::SUCCESS) continue;
    for (const auto sink : sinks) {
      out += fmt::format(kLine, Text(pipeline, "pipeline"), Text(sink, "sink"),
                         Text(sink, "state"), Text(sink, "position"),
                         Text(pipeline, "end"), Text(sink, "lag_events"),
                         Text(sink, "dead_letters"), Text(sink, "reason"));
    }
  }
  return out;
}

}  // namespace millrace::app
