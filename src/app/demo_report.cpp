#include "demo_report.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/json.hpp"

namespace millrace::app {
namespace {

using simdjson::dom::element;

constexpr std::size_t kRowsShown = 5;

std::uint64_t Number(element object, const char* name) {
  std::uint64_t value = 0;
  return object[name].get(value) == simdjson::SUCCESS ? value : 0;
}

/// Rows of the first store whose name begins so.
std::uint64_t RowsOf(element sums, std::string_view prefix) {
  simdjson::dom::object stores;
  if (sums.get(stores) != simdjson::SUCCESS) return 0;
  for (const auto store : stores) {
    if (store.key.starts_with(prefix)) return Number(store.value, "rows");
  }
  return 0;
}

/// Tables stand in the state under their own name: whatever is not another store.
std::uint64_t TableRows(element state) {
  simdjson::dom::object stores;
  if (state.get(stores) != simdjson::SUCCESS) return 0;
  for (const auto store : stores) {
    if (store.key != "records" && store.key != "log" && !store.key.starts_with("lake.")) {
      return Number(store.value, "rows");
    }
  }
  return 0;
}

std::string FirstRows(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::array rows;
  std::string out;
  if (parser.parse(simdjson::padded_string(json)).get(rows) != simdjson::SUCCESS)
    return out;
  std::size_t shown = 0;
  for (const auto row : rows) {
    if (shown++ == kRowsShown) break;
    out += "      " + std::string(simdjson::minify(row)) + "\n";
  }
  if (rows.size() > kRowsShown) out += fmt::format("      … {} rows\n", rows.size());
  return out;
}

Result<element> Parse(simdjson::dom::parser& parser, std::string_view json,
                      const char* what) {
  element root;
  if (parser.parse(simdjson::padded_string(json)).get(root) == simdjson::SUCCESS)
    return root;
  return Fail(ErrorCode::kInternal, std::string(what) + " printed no JSON");
}

}  // namespace

Status AddVerdict(DemoReport& report, std::string_view json) {
  simdjson::dom::parser parser;
  MR_TRY(const auto root, Parse(parser, json, "millrace verify"));
  simdjson::dom::object collections;
  if (root["collections"].get(collections) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInternal, "millrace verify named no collections");
  }
  for (const auto collection : collections) {
    auto& stage = report.stages[std::string(collection.key)];
    const element history = collection.value["history"];
    const element state = collection.value["state"];
    stage.changes = RowsOf(history, "records");
    stage.log = RowsOf(history, "log");
    stage.lake = RowsOf(history, "lake.");
    stage.records = RowsOf(state, "records");
    stage.warehouse = TableRows(state);
    stage.dead_letters = Number(collection.value, "dead_letters");
    simdjson::dom::array left_out;
    const bool all = collection.value["left_out"].get(left_out) == simdjson::SUCCESS &&
                     left_out.size() == 0;
    stage.stores_equal = all && bool(collection.value["agree"]);
  }
  return {};
}

Result<std::map<std::string, ClientSum>> ReadReplaySummary(std::string_view json) {
  simdjson::dom::parser parser;
  MR_TRY(const auto root, Parse(parser, json, "millrace replay"));
  std::map<std::string, ClientSum> sums;
  simdjson::dom::object collections;
  if (root["collections"].get(collections) != simdjson::SUCCESS) return sums;
  for (const auto collection : collections) {
    std::string_view hash;
    if (collection.value["hash"].get(hash) != simdjson::SUCCESS) continue;
    sums[std::string(collection.key)] = {Number(collection.value, "accepted"),
                                         std::string(hash)};
  }
  return sums;
}

Status CompareAcknowledged(DemoReport& report,
                           const std::map<std::string, ClientSum>& sums,
                           std::string_view verdict_json) {
  simdjson::dom::parser parser;
  MR_TRY(const auto root, Parse(parser, verdict_json, "millrace verify"));
  for (const auto& [name, sum] : sums) {
    auto& stage = report.stages[name];
    stage.accepted = sum.accepted;
    element committed;
    std::string_view hash;
    if (root["collections"][name]["history"]["records"].get(committed) !=
            simdjson::SUCCESS ||
        committed["hash"].get(hash) != simdjson::SUCCESS) {
      continue;
    }
    stage.acknowledged_equal =
        Number(committed, "rows") == sum.accepted && hash == sum.hash;
  }
  return {};
}

bool DemoReport::Agrees() const {
  const bool stages_agree =
      !stages.empty() && std::ranges::all_of(stages, [](const auto& entry) {
        const Stage& stage = entry.second;
        return stage.acknowledged_equal && stage.stores_equal &&
               stage.dead_letters == 0 && stage.lake == stage.changes &&
               stage.log == stage.changes && stage.warehouse == stage.records;
      });
  return stages_agree && !questions.empty() &&
         std::ranges::all_of(questions, &Question::Equal);
}

std::string DemoReport::ToJson() const {
  std::string out =
      Agrees() ? "{\"agree\":true,\"stages\":{" : "{\"agree\":false,\"stages\":{";
  for (bool first = true; const auto& [name, stage] : stages) {
    if (!std::exchange(first, false)) out += ',';
    AppendJsonKey(out, name);
    out += fmt::format(
        "{{\"accepted\":{},\"changes\":{},\"log\":{},\"lake\":{},\"warehouse\":{},"
        "\"dead_letters\":{},\"records\":{},\"acknowledged_equal\":{},\"stores_equal\":{}"
        "}}",
        stage.accepted, stage.changes, stage.log, stage.lake, stage.warehouse,
        stage.dead_letters, stage.records, stage.acknowledged_equal, stage.stores_equal);
  }
  out += fmt::format(
      "}},\"lag_ms\":{{\"p50\":{:.3f},\"p99\":{:.3f}}},\"seconds\":{:.3f},\"rss_bytes\":{"
      "},"
      "\"answers\":{{",
      lag_p50_ms, lag_p99_ms, seconds, rss_bytes);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonKey(out, questions[i].name);
    out +=
        questions[i].Equal() ? "{\"equal\":true,\"rows\":" : "{\"equal\":false,\"rows\":";
    out += questions[i].warehouse.empty() ? "[]" : questions[i].warehouse;
    if (!questions[i].Equal()) {
      out += ",\"csv\":" + (questions[i].csv.empty() ? "[]" : questions[i].csv);
    }
    out += '}';
  }
  out += "}}";
  return out;
}

std::string DemoReport::ToText() const {
  std::string out =
      fmt::format("\n{:<12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>6}\n", "",
                  "accepted", "changes", "log", "lake", "records", "warehouse", "dead");
  for (const auto& [name, stage] : stages) {
    out += fmt::format("{:<12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>6}  {}\n",
                       name, stage.accepted, stage.changes, stage.log, stage.lake,
                       stage.records, stage.warehouse, stage.dead_letters,
                       !stage.stores_equal         ? "STORES DISAGREE"
                       : !stage.acknowledged_equal ? "NOT WHAT WAS ACKNOWLEDGED"
                                                   : "equal, by count and hash");
  }
  out +=
      "\nHistory (changes = log = lake) and state (records = newest per key in log and\n"
      "lake = table) are compared by count and additive hash over every field.\n";
  for (const auto& question : questions) {
    out += fmt::format("\n  {}: {}\n", question.name,
                       question.Equal() ? "the warehouse answers as the CSV files do"
                                        : "THE ANSWERS DIFFER");
    out += FirstRows(question.warehouse);
  }
  out += fmt::format(
      "\nlag from commit to visible in the warehouse: p50 {:.0f} ms, p99 {:.0f} ms; "
      "{:.1f} s in all; RSS {} MiB\n",
      lag_p50_ms, lag_p99_ms, seconds, rss_bytes >> 20u);
  if (!Agrees()) out += "\n" + verify_text;
  out += Agrees() ? "\nEverything agrees.\n" : "\nSOMETHING DISAGREES: see above.\n";
  return out;
}

}  // namespace millrace::app
