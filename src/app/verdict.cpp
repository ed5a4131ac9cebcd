#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "verify.hpp"

namespace millrace::app {
namespace {

constexpr TimestampUs kUsPerSecond = 1'000'000;

bool AnyBehind(const std::vector<StoreSum>& sums) {
  return std::ranges::any_of(sums, [](const StoreSum& one) { return one.behind > 0; });
}

std::string_view NameOf(bool disagrees, bool incomplete, bool behind) {
  return disagrees    ? "disagrees"
         : incomplete ? "incomplete"
         : behind     ? "behind"
                      : "agrees";
}

/// Stores of tenants stand beside each other.
std::string NameOf(const StoreSum& sum) {
  return sum.tenant.empty() ? sum.store : sum.store + "/" + sum.tenant;
}

void AppendSum(std::string& out, const change::Sum& sum) {
  out += "{\"rows\":";
  AppendUint(out, sum.rows);
  out += ",\"hash\":\"";
  AppendHex(out, sum.hash, 16);
  out += '"';
}

void AppendSums(std::string& out, const std::vector<StoreSum>& sums) {
  out += '{';
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, NameOf(sums[i]));
    AppendSum(out, sums[i].sum);
    out += ",\"behind\":";
    AppendUint(out, sums[i].behind);
    if (sums[i].rerun) out += ",\"rerun\":true";
    out += '}';
  }
  out += '}';
}

void AppendTexts(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, texts[i]);
  }
  out += ']';
}

void AppendTime(std::string& out, TimestampUs at) {
  if (at == 0) {
    out += "null";
    return;
  }
  out += '"';
  AppendTimestamp(out, at);
  out += '"';
}

void AppendFinding(std::string& out, const Finding& finding) {
  out += "{\"stage\":";
  AppendJsonString(out, finding.stage);
  out += ",\"store\":";
  AppendJsonString(out, finding.store);
  if (!finding.tenant.empty()) {
    out += ",\"tenant\":";
    AppendJsonString(out, finding.tenant);
  }
  out += ",\"slice\":{\"begin\":";
  AppendTime(out, finding.slice.begin);
  out += ",\"end\":";
  AppendTime(out, finding.slice.end);
  out += "},\"expected\":";
  AppendSum(out, finding.expected);
  out += "},\"found\":";
  AppendSum(out, finding.found);
  out += '}';
  for (const auto& [name, ids] :
       {std::pair("missing", &finding.missing), std::pair("doubled", &finding.doubled),
        std::pair("altered", &finding.altered)}) {
    out += ',';
    AppendJsonKey(out, name);
    AppendTexts(out, *ids);
  }
  out += '}';
}

void AppendVerdict(std::string& out, const CollectionVerdict& one) {
  AppendJsonKey(out, one.collection);
  out += one.Name() == "agrees" ? "{\"agree\":true" : "{\"agree\":false";
  out += ",\"verdict\":";
  AppendJsonString(out, one.Name());
  out += ",\"history\":";
  AppendSums(out, one.history);
  out += ",\"state\":";
  AppendSums(out, one.state);
  out += ",\"dead_letters\":";
  AppendUint(out, one.dead_letters);
  out += ",\"left_out\":";
  AppendTexts(out, one.left_out);
  out += ",\"findings\":[";
  for (std::size_t i = 0; i < one.findings.size(); ++i) {
    if (i > 0) out += ',';
    AppendFinding(out, one.findings[i]);
  }
  out += "]}";
}

std::string SliceText(const Slice& slice) {
  std::string begin, end;
  if (slice.begin > 0) AppendTimestamp(begin, slice.begin);
  if (slice.end > 0) AppendTimestamp(end, slice.end);
  if (begin.empty() && end.empty()) return "of all time";
  if (begin.empty()) return "before " + end;
  return begin + " to " + end;
}

std::string FindingText(const Finding& finding) {
  const auto whose = finding.tenant.empty() ? "" : " of tenant " + finding.tenant;
  auto out = fmt::format("  {} {}{}: {} rows instead of {}, {}\n", finding.stage,
                         finding.store, whose, finding.found.rows, finding.expected.rows,
                         SliceText(finding.slice));
  for (const auto& [name, ids] : {std::pair("missing", &finding.missing),
                                  std::pair("doubled or not expected", &finding.doubled),
                                  std::pair("altered", &finding.altered)}) {
    for (const auto& id : *ids) out += fmt::format("    {}: {}\n", name, id);
  }
  return out;
}

std::string SumsText(std::string_view title, const std::vector<StoreSum>& sums) {
  std::string out;
  for (const auto& store : sums) {
    out += fmt::format("  {:<8} {:<28} {:>12} rows  {:016x}", title, NameOf(store),
                       store.sum.rows, store.sum.hash);
    if (store.rerun) out += "  as its pipeline makes it";
    if (store.behind > 0) out += fmt::format("  {} events behind", store.behind);
    out += '\n';
  }
  return out;
}

}  // namespace

bool CollectionVerdict::Behind() const { return AnyBehind(history) || AnyBehind(state); }
std::string_view CollectionVerdict::Name() const {
  return NameOf(Disagrees(), undefined, Behind());
}

bool Verdict::Disagrees() const {
  return std::ranges::any_of(collections, &CollectionVerdict::Disagrees);
}
bool Verdict::Behind() const {
  return std::ranges::any_of(collections, &CollectionVerdict::Behind);
}
bool Verdict::Incomplete() const {
  return std::ranges::any_of(collections, &CollectionVerdict::undefined);
}
std::string_view Verdict::Name() const {
  return NameOf(Disagrees(), Incomplete(), Behind());
}

std::string Verdict::ToJson() const {
  std::string out = Name() == "agrees" ? "{\"agree\":true" : "{\"agree\":false";
  out += ",\"verdict\":";
  AppendJsonString(out, Name());
  out += ",\"slice_seconds\":";
  AppendInt(out, slice_width / kUsPerSecond);
  for (const bool declared : {false, true}) {
    out += declared ? "},\"streams\":{" : ",\"collections\":{";
    bool first = true;
    for (const auto& one : collections) {
      if (one.declared != declared) continue;
      if (!first) out += ',';
      first = false;
      AppendVerdict(out, one);
    }
  }
  out += "}}";
  return out;
}

std::string Verdict::ToText() const {
  std::string out;
  for (const auto& one : collections) {
    out += fmt::format("{}{}: {}\n", one.declared ? "stream " : "", one.collection,
                       one.Disagrees() ? "DISAGREES" : one.Name());
    out += SumsText("history", one.history) + SumsText("state", one.state);
    if (one.dead_letters > 0)
      out += fmt::format("  dead letters: {}\n", one.dead_letters);
    for (const auto& why : one.left_out) out += "  left out: " + why + "\n";
    for (const auto& finding : one.findings) out += FindingText(finding);
  }
  return out;
}

std::string Verdict::ToLines() const {
  struct Wrong {
    std::uint64_t missing = 0, extra = 0, slices = 0;
  };
  std::string out;
  for (const auto& one : collections) {
    std::map<std::pair<std::string, std::string>, Wrong> stores;
    for (const auto& sum : one.history) {
      if (sum.store == "log") stores[{"log", "log"}];
      if (sum.store.starts_with("lake.")) stores[{"lake", sum.store}];
    }
    for (const auto& sum : one.state) {
      if (sum.store == "records") stores[{"source", "records"}];
      if (sum.store != "records" && sum.store != "log") stores[{"table", sum.store}];
    }
    for (const auto& finding : one.findings) {
      auto& wrong = stores[{finding.stage, finding.store}];
      const auto want = finding.expected.rows, have = finding.found.rows;
      wrong.missing += want > have ? want - have : 0;
      wrong.extra += have > want ? have - want : 0;
      ++wrong.slices;
    }
    for (const auto& [store, wrong] : stores) {
      out += fmt::format("{} {} {} {} {} {}\n", one.collection, store.first, store.second,
                         wrong.missing, wrong.extra, wrong.slices);
    }
  }
  return out;
}

}  // namespace millrace::app
