#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "verify.hpp"

namespace millrace::app {
namespace {

bool AllEqual(const std::vector<StoreSum>& sums) {
  return std::ranges::all_of(
      sums, [&](const StoreSum& one) { return one.sum == sums.front().sum; });
}

void AppendSums(std::string& out, const std::vector<StoreSum>& sums) {
  out += '{';
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, sums[i].store);
    out += "{\"rows\":";
    AppendUint(out, sums[i].sum.rows);
    out += ",\"hash\":\"";
    AppendHex(out, sums[i].sum.hash, 16);
    out += "\"}";
  }
  out += '}';
}

}  // namespace

bool CollectionVerdict::Agrees() const { return AllEqual(history) && AllEqual(state); }

bool Verdict::Agrees() const {
  return std::ranges::all_of(collections, &CollectionVerdict::Agrees);
}

std::string Verdict::ToJson() const {
  std::string out = Agrees() ? "{\"agree\":true" : "{\"agree\":false";
  out += ",\"collections\":{";
  for (std::size_t i = 0; i < collections.size(); ++i) {
    const auto& one = collections[i];
    if (i > 0) out += ',';
    AppendJsonKey(out, one.collection);
    out += one.Agrees() ? "{\"agree\":true" : "{\"agree\":false";
    out += ",\"history\":";
    AppendSums(out, one.history);
    out += ",\"state\":";
    AppendSums(out, one.state);
    out += ",\"dead_letters\":";
    AppendUint(out, one.dead_letters);
    out += ",\"left_out\":[";
    for (std::size_t j = 0; j < one.left_out.size(); ++j) {
      if (j > 0) out += ',';
      AppendJsonString(out, one.left_out[j]);
    }
    out += "]}";
  }
  out += "}}";
  return out;
}

std::string Verdict::ToText() const {
  std::string out;
  for (const auto& one : collections) {
    out += fmt::format("{}: {}\n", one.collection, one.Agrees() ? "agrees" : "DISAGREES");
    for (const auto& [title, sums] :
         {std::pair("history", &one.history), std::pair("state", &one.state)}) {
      for (const auto& store : *sums) {
        out += fmt::format("  {:<8} {:<28} {:>12} rows  {:016x}\n", title, store.store,
                           store.sum.rows, store.sum.hash);
      }
    }
    if (one.dead_letters > 0)
      out += fmt::format("  dead letters: {}\n", one.dead_letters);
    for (const auto& why : one.left_out) out += "  left out: " + why + "\n";
  }
  return out;
}

}  // namespace millrace::app
