#include "problems.hpp"

namespace millrace::schema {
namespace {

constexpr std::size_t kMaxName = 128;

void AppendEscaped(std::string& out, std::string_view name) {
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
}

/// Names come from the body too; cut on a character border.
std::string_view Shortened(std::string_view name) {
  if (name.size() <= kMaxName) return name;
  auto end = kMaxName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0u) == 0x80) --end;
  return name.substr(0, end);
}

void AppendPointer(std::string& out, const Path* where) {
  if (where == nullptr) return;
  AppendPointer(out, where->parent);
  out += '/';
  if (where->is_element) {
    out += std::to_string(where->index);
  } else {
    AppendEscaped(out, Shortened(where->name));
  }
}

}  // namespace

std::string ToPointer(const Path* where) {
  std::string out;
  AppendPointer(out, where);
  return out;
}

void Problems::Add(const Path* where, std::string message) {
  if (++count_ > kMaxListed) return;
  fields_.push_back({ToPointer(where), std::move(message)});
}

void Problems::Break(std::string why) {
  if (broken_.empty()) broken_ = std::move(why);
}

Error Problems::ToError() && {
  if (broken()) {
    return Error(ErrorCode::kInvalidArgument, "the body is not valid JSON: " + broken_);
  }
  auto message = std::to_string(count_) + (count_ == 1 ? " bad field" : " bad fields");
  if (count_ > kMaxListed) message += ", the first 100 of them listed";
  return Error(ErrorCode::kInvalidArgument, std::move(message), std::move(fields_));
}

}  // namespace millrace::schema
