#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::bench {

/// What load.cpp is told.
struct Options {
  std::uint16_t port = 0;
  std::size_t connections = 64;
  double seconds = 10;
  std::uint64_t requests = UINT64_MAX;
  double rate = 0;  ///< requests a second; 0: closed loop
  std::string method = "GET", path = "/", body;
  std::size_t batch = 1;
  std::uint64_t first = 0;
  std::uint64_t keys = 0;           ///< 0: numbers rise for ever
  std::vector<std::string> tokens;  ///< one after the other; all of one length
};

/// A request as text, with the places of its numbers.
class Template {
 public:
  explicit Template(const Options& options) : options_(options) {
    std::string body;
    if (options.batch > 1) body += '[';
    for (std::size_t i = 0; i < options.batch && !options.body.empty(); ++i) {
      body += i == 0 ? "" : ",";
      body += options.body;
    }
    if (options.batch > 1) body += ']';
    text_ = options.method + " ";
    Add(options.path, 0);
    text_ += " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!options.tokens.empty()) {
      text_ += "Authorization: Bearer ";
      token_at_ = text_.size();
      text_ += options.tokens.front() + "\r\n";
    }
    if (!body.empty()) {
      const auto size = Widened(body).size();
      text_ +=
          fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", size);
    }
    text_ += "\r\n";
    for (std::size_t i = 0; i < options.batch && !options.body.empty(); ++i) {
      if (options.batch > 1) text_ += i == 0 ? "[" : ",";
      Add(options.body, i);
    }
    if (options.batch > 1) text_ += ']';
  }

  const std::string& text() const { return text_; }

  /// Puts the numbers and the token of the next request into a copy of text().
  void Fill(std::string& into) {
    if (!options_.tokens.empty()) {
      const auto& token = options_.tokens[requests_ % options_.tokens.size()];
      into.replace(token_at_, token.size(), token);
    }
    ++requests_;
    for (const auto& place : places_) {
      auto number = next_ + place.record;
      if (options_.keys != 0) number = number * 2'654'435'761u % options_.keys;
      number += options_.first;
      if (place.width == 5) number = number * 7919 % 100'000;
      auto* at = into.data() + place.at + place.width;
      for (std::size_t i = 0; i < place.width; ++i, number /= 10) {
        *--at = static_cast<char>('0' + number % 10);
      }
    }
    next_ += options_.batch;
  }

 private:
  struct Place {
    std::size_t at, width, record;
  };
  /// As Add makes it, for its size.
  static std::string Widened(std::string text) {
    for (const auto& [name, zeros] :
         {std::pair{"{n}", "0000000000"}, std::pair{"{m}", "00000"}}) {
      for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) {
        text.replace(at, 3, zeros);
      }
    }
    return text;
  }
  void Add(std::string_view text, std::size_t record) {
    while (!text.empty()) {
      const auto at = std::min(text.find("{n}"), text.find("{m}"));
      text_ += text.substr(0, at);
      if (at == std::string_view::npos) return;
      const std::size_t width = text[at + 1] == 'n' ? 10 : 5;
      places_.push_back({text_.size(), width, record});
      text_.append(width, '0');
      text.remove_prefix(at + 3);
    }
  }

  const Options& options_;
  std::string text_;
  std::vector<Place> places_;
  std::size_t token_at_ = 0;
  std::uint64_t next_ = 0, requests_ = 0;
};

}  // namespace millrace::bench
