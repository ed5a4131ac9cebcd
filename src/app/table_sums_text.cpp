#include <sstream>

#include "base/bytes.hpp"
#include "table_sums.hpp"

/// A line each: a letter for what it is, a blank, its values in hex or the name.
namespace millrace::app {
namespace {

std::string Hex(std::uint64_t value) {
  std::string out;
  AppendHex(out, value, 16);
  return out;
}

template <typename Each>
Status ForEachLine(std::string_view text, Each each) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 2) continue;
    MR_CHECK_OK(each(line[0], std::string_view(line).substr(2)));
  }
  return {};
}

struct Pair {
  std::uint64_t first = 0, second = 0;
};

Result<Pair> ParsePair(std::string_view text) {
  const auto blank = text.find(' ');
  MR_TRY(const auto first, ParseHex(text.substr(0, blank)));
  if (blank == std::string_view::npos) return Pair{first, 0};
  MR_TRY(const auto second, ParseHex(text.substr(blank + 1)));
  return Pair{first, second};
}

}  // namespace

std::string Encode(const TableQuestion& question) {
  std::string out = "t " + question.table + "\n";
  for (const auto& column : question.columns) out += "c " + column + "\n";
  for (const auto bound : question.bounds) out += "b " + Hex(bound) + "\n";
  for (const auto key : question.without) out += "k " + Hex(key) + "\n";
  if (question.by_ordinal) out += "o 1\n";
  if (question.list) {
    out += "l " + Hex(question.list->first) + " " + Hex(question.list->second) + "\n";
  }
  return out;
}

Result<TableQuestion> DecodeQuestion(std::string_view text) {
  TableQuestion question;
  MR_CHECK_OK(ForEachLine(text, [&](char kind, std::string_view rest) -> Status {
    if (kind == 't') question.table = rest;
    if (kind == 'c') question.columns.emplace_back(rest);
    if (kind == 't' || kind == 'c') return {};
    MR_TRY(const auto pair, ParsePair(rest));
    if (kind == 'b') question.bounds.push_back(pair.first);
    if (kind == 'k') question.without.push_back(pair.first);
    if (kind == 'o') question.by_ordinal = pair.first == 1;
    if (kind == 'l') question.list = {pair.first, pair.second};
    return {};
  }));
  return question;
}

std::string Encode(const TableAnswer& answer) {
  std::string out;
  if (answer.next) out += "n " + Hex(*answer.next) + "\n";
  out += "r " + Hex(answer.redriven) + "\n";
  for (const auto& sum : answer.slices) {
    out += "s " + Hex(sum.rows) + " " + Hex(sum.hash) + "\n";
  }
  for (const auto& item : answer.items) {
    out += "i " + Hex(item.position) + " " + Hex(item.hash) + "\n";
  }
  return out;
}

Result<TableAnswer> DecodeAnswer(std::string_view text) {
  TableAnswer answer;
  MR_CHECK_OK(ForEachLine(text, [&](char kind, std::string_view rest) -> Status {
    MR_TRY(const auto pair, ParsePair(rest));
    if (kind == 'n') answer.next = pair.first;
    if (kind == 'r') answer.redriven = pair.first;
    if (kind == 's') answer.slices.push_back({pair.first, pair.second});
    if (kind == 'i') answer.items.push_back({pair.first, pair.second});
    return {};
  }));
  return answer;
}

}  // namespace millrace::app
