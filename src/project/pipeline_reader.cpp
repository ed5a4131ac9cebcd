#include "pipeline_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "sink_reader.hpp"
#include "sql_text.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

constexpr std::int64_t kMaxBatchRows = 1'000'000;
constexpr std::uint64_t kMinBatchBytes = 64ULL << 10U;
constexpr std::uint64_t kMaxBatchBytes = 256ULL << 20U;
constexpr std::int64_t kMaxBatchWaitMs = 60'000;
constexpr std::int64_t kMaxParked = 1'000'000;

void ReadStart(const Node* node, Pipeline& pipeline, Report& report) {
  const auto start = ReadChoice<Start>(node,
                                       {{"earliest", Start::kEarliest},
                                        {"latest", Start::kLatest},
                                        {"snapshot", Start::kSnapshot}},
                                       report);
  if (!start) return;
  pipeline.start = *start;
  if (*start == Start::kSnapshot && pipeline.of_stream) {
    report.Add(
        *node,
        "start: snapshot begins with the records of a collection, and a stream has "
        "none: use earliest (every event the log holds) or latest");
  }
}

using ByName = std::map<std::string, schema::Collection, std::less<>>;

std::vector<std::string_view> NamesOf(const ByName& whole,
                                      const std::set<std::string, std::less<>>& broken) {
  std::vector<std::string_view> names(broken.begin(), broken.end());
  for (const auto& [name, collection] : whole) names.emplace_back(name);
  std::ranges::sort(names);
  return names;
}

std::optional<std::string> ReadStreamName(const Node& node,
                                          const Collections& collections,
                                          Report& report) {
  auto name = ReadText(&node, "the name of a stream", report);
  if (!name) return std::nullopt;
  const auto names = collections.StreamNames();
  if (std::ranges::find(names, *name) != names.end()) return name;
  std::string hint;
  const auto others = collections.Names();
  if (std::ranges::find(others, *name) != others.end())
    hint = "; it is a collection: write changes: " + *name;
  if (hint.empty()) hint = DidYouMean(*name, names);
  if (hint.empty() && !names.empty()) hint = "; there are " + Join(names);
  report.Add(node, fmt::format("there is no stream {}{}", Shown(*name), hint));
  return std::nullopt;
}

/// `codec` and `collection`: what the payloads of a raw stream are. False: they cannot be
/// used.
bool ReadCodec(const Keys& keys, const Collections& collections, Pipeline& pipeline,
               Report& report) {
  const auto* codec = keys.Find("codec");
  const auto* collection = keys.Find("collection");
  if (codec == nullptr && collection == nullptr) return true;
  const auto& given = codec != nullptr ? *codec : *collection;
  const auto refuse = [&](const char* message) {
    report.Add(given, message);
    return false;
  };
  if (codec == nullptr || collection == nullptr)
    return refuse(
        "codec and collection go together: {stream: orders_cdc, codec: operation-data, "
        "collection: orders}");
  const auto stream = collections.streams.find(pipeline.collection);
  const bool fields =
      stream != collections.streams.end() && !stream->second.Find("payload_bytes");
  if (keys.Find("stream") == nullptr || fields)
    return refuse("a codec reads a raw stream (format: raw)");
  const auto text = ReadText(codec, "the name of a codec", report);
  const auto changed = ReadCollectionName(collection, collections, report);
  if (!text || !changed) return false;
  pipeline.codec = *text;
  pipeline.stream = std::exchange(pipeline.collection, *changed);
  return true;
}

void ReadFrom(const Node* node, const Collections& collections, Pipeline& pipeline,
              Report& report) {
  if (node == nullptr) return;
  const Keys keys(*node, "from", {"changes", "stream", "codec", "collection", "start"},
                  report);
  const auto* stream = keys.Find("stream");
  if (stream != nullptr && keys.Find("changes") != nullptr)
    report.Add(*stream, "a pipeline reads changes of a collection or a stream, not both");
  const auto name = stream != nullptr ? ReadStreamName(*stream, collections, report)
                                      : ReadCollectionName(keys.Need("changes", "orders"),
                                                           collections, report);
  if (name) pipeline.collection = *name;
  // Of a collection that nobody named nothing else can be wrong.
  if (!ReadCodec(keys, collections, pipeline, report)) pipeline.collection.clear();
  pipeline.of_stream = stream != nullptr;
  ReadStart(keys.Find("start"), pipeline, report);
}

void ReadBatch(const Node* node, Pipeline& pipeline, Report& report) {
  if (node == nullptr) return;
  const Keys keys(*node, "batch", {"max_rows", "max_bytes", "max_wait"}, report);
  if (const auto rows = ReadWhole(keys.Find("max_rows"), 1, kMaxBatchRows, report))
    pipeline.max_rows = static_cast<std::uint32_t>(*rows);
  if (const auto bytes =
          ReadSize(keys.Find("max_bytes"), kMinBatchBytes, kMaxBatchBytes, report))
    pipeline.max_bytes = *bytes;
  if (const auto wait = ReadDurationMs(keys.Find("max_wait"), 0, kMaxBatchWaitMs, report))
    pipeline.max_wait_ms = *wait;
}

/// "5%", "0.5%": as so many of 1000.
std::optional<std::uint32_t> ReadShare(const Node* node, Report& report) {
  constexpr std::string_view kWhat = "a share from 0.1% to 99.9%, such as 5%";
  const auto text = ReadText(node, kWhat, report);
  if (!text) return std::nullopt;
  double percent = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, percent);
  const bool whole = read.ec == std::errc() && std::string_view(read.ptr, end) == "%";
  if (whole && percent >= 0.1 && percent <= 99.9) {
    return static_cast<std::uint32_t>(std::lround(percent * 10));
  }
  report.AddExpected(*node, kWhat);
  return std::nullopt;
}

void ReadErrors(const Keys& keys, Pipeline& pipeline, Report& report) {
  if (const auto choice = ReadChoice<OnError>(
          keys.Find("on_error"),
          {{"dead_letter", OnError::kGoOn}, {"park_key", OnError::kParkKey}}, report)) {
    pipeline.on_error = *choice;
  }
  if (const auto most = ReadWhole(keys.Find("max_parked"), 1, kMaxParked, report)) {
    pipeline.max_parked = static_cast<std::uint64_t>(*most);
    if (pipeline.on_error != OnError::kParkKey) {
      report.Add(*keys.Find("max_parked"), "max_parked goes with on_error: park_key");
    }
  }
  pipeline.max_dead_of_1000 = ReadShare(keys.Find("max_share"), report);
}

/// Parentheses of `rule` that are not closed, those in '…' left out.
int OpenParentheses(std::string_view rule) {
  int open = 0;
  bool in_text = false;
  for (const char c : rule) {
    if (c == '\'') in_text = !in_text;
    if (!in_text && c == '(') ++open;
    if (!in_text && c == ')') --open;
  }
  return open;
}

std::vector<SqlText> ReadRules(const Node* node, std::string_view content,
                               Report& report) {
  std::vector<SqlText> rules;
  const auto* items = ReadList(node, "a list of rules, such as [amount >= 0]", report);
  if (items == nullptr) return rules;
  for (const auto& item : *items) {
    const auto rule = ReadText(&item, "a rule, such as amount >= 0", report);
    if (!rule) continue;
    if (rule->find_first_not_of(" \t\r\n") == std::string::npos)
      report.AddExpected(item, "a rule, such as amount >= 0");
    else if (!item.quoted && OpenParentheses(*rule) != 0)
      report.Add(item,
                 fmt::format("the rule {} ends inside parentheses, since YAML ends it "
                             "at the comma: put the whole rule in quotes",
                             Describe(item)));
    rules.push_back(LocateText(item, content, report));
  }
  return rules;
}

SqlText ReadSql(const Node* node, std::string_view content, Report& report) {
  constexpr std::string_view kWhat = "SQL, such as SELECT * FROM changes";
  const auto text = ReadText(node, kWhat, report);
  if (!text) return {};
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    report.AddExpected(*node, kWhat);
  return LocateText(*node, content, report);
}

}  // namespace

const schema::Collection* Collections::Find(std::string_view name) const {
  for (const auto* map : {&whole, &streams}) {
    if (const auto at = map->find(name); at != map->end()) return &at->second;
  }
  return nullptr;
}

std::vector<std::string_view> Collections::Names() const {
  return NamesOf(whole, broken);
}

std::vector<std::string_view> Collections::StreamNames() const {
  return NamesOf(streams, broken_streams);
}

std::optional<std::string> ReadCollectionName(const Node* node,
                                              const Collections& collections,
                                              Report& report) {
  auto name = ReadText(node, "the name of a collection", report);
  if (!name) return std::nullopt;
  const auto names = collections.Names();
  if (std::ranges::find(names, *name) != names.end()) return name;
  std::string hint;
  const auto streams = collections.StreamNames();
  if (std::ranges::find(streams, *name) != streams.end())
    hint = "; it is a stream: a pipeline reads it with from: {stream: " + *name + "}";
  if (hint.empty()) hint = DidYouMean(*name, names);
  if (hint.empty() && !names.empty()) hint = "; there are " + Join(names);
  report.Add(*node, fmt::format("there is no collection {}{}", Shown(*name), hint));
  return std::nullopt;
}

std::optional<Pipeline> ReadPipeline(const Node& root, std::string_view content,
                                     const Collections& collections, Report& report) {
  const Keys keys(root, "a pipeline",
                  {"pipeline", "from", "batch", "lookups", "require", "sql", "to",
                   "on_removed_field", "on_error", "max_parked", "max_share"},
                  report);
  if (root.kind != Node::Kind::kMapping) return std::nullopt;
  Pipeline pipeline;
  const auto* name_node = keys.Need("pipeline", "orders_now");
  const auto name = ReadName(name_node, "a pipeline name", report);
  ReadFrom(keys.Need("from", "{changes: orders}"), collections, pipeline, report);
  ReadBatch(keys.Find("batch"), pipeline, report);
  if (const auto* lookups = keys.Find("lookups"))
    pipeline.lookups =
        ReadLookups(*lookups, collections.Find(pipeline.collection), collections, report);
  pipeline.require = ReadRules(keys.Find("require"), content, report);
  pipeline.sql = ReadSql(keys.Need("sql", "SELECT * FROM changes"), content, report);
  if (const auto* to = keys.Need("to", "[{lake: {path: orders/}}]"))
    pipeline.sinks = ReadSinks(*to, content, report);
  if (const auto choice = ReadChoice<OnRemovedField>(
          keys.Find("on_removed_field"),
          {{"dead_letter", OnRemovedField::kDeadLetter}, {"stop", OnRemovedField::kStop}},
          report))
    pipeline.on_removed_field = *choice;
  ReadErrors(keys, pipeline, report);
  if (!name) return std::nullopt;
  pipeline.name = *name;
  pipeline.place = report.At(*name_node);
  return pipeline;
}

}  // namespace millrace::project
