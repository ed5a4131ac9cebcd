#include <fmt/format.h>

#include <algorithm>

#include "pipeline_reader.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Collection;

constexpr std::int64_t kMaxLookupWaitMs = 3600LL * 1000;

struct OnPair {
  const Node* lookup_at;
  const Node* change_at;
  std::string lookup, change;
};

std::optional<schema::Type> TypeOf(const Collection& collection, std::string_view name) {
  for (auto& column : collection.DocumentColumns())
    if (column.name == name) return std::move(column.type);
  return std::nullopt;
}

/// "customer_id", [a, b], or {lookup column: change column}.
std::vector<OnPair> ReadOnPairs(const Node& node, Report& report) {
  constexpr std::string_view kWhat =
      "a field, or {field of the lookup: field of the change}";
  std::vector<OnPair> pairs;
  const auto add = [&](const Node& lookup_at, const Node& change_at) {
    const auto lookup = ReadText(&lookup_at, kWhat, report);
    const auto change = ReadText(&change_at, kWhat, report);
    if (lookup && change) pairs.push_back({&lookup_at, &change_at, *lookup, *change});
  };
  switch (node.kind) {
    case Node::Kind::kNull:
      report.AddExpected(node, kWhat);
      break;
    case Node::Kind::kScalar:
      add(node, node);
      break;
    case Node::Kind::kSequence:
      for (const auto& item : node.items) add(item, item);
      break;
    case Node::Kind::kMapping:
      for (const auto& [lookup, change] : node.members) add(lookup, change);
      break;
  }
  if (node.items.empty() && node.members.empty() && node.kind >= Node::Kind::kSequence)
    report.AddExpected(node, kWhat);
  return pairs;
}

/// "customer_id, or email".
std::string UniqueSets(const Collection& collection) {
  auto text = collection.key;
  for (const auto& set : collection.unique) {
    const std::vector<std::string_view> names(set.begin(), set.end());
    text += fmt::format(" or {}", Join(names));
  }
  return text;
}

bool IsUnique(const Collection& collection, const std::vector<OnPair>& pairs) {
  std::vector<std::string> given;
  for (const auto& pair : pairs) given.push_back(pair.lookup);
  std::ranges::sort(given);
  if (given == std::vector{collection.key}) return true;
  return std::ranges::any_of(collection.unique, [&](auto set) {
    std::ranges::sort(set);
    return set == given;
  });
}

/// False (and a problem) when `collection` has no such field.
bool CheckField(const Collection& collection, const Node& at, const std::string& name,
                Report& report) {
  const auto columns = collection.DocumentColumns();
  std::vector<std::string_view> names;
  for (const auto& column : columns) {
    if (column.name == name) return true;
    names.emplace_back(column.name);
  }
  report.Add(at, fmt::format("{} has no field {}{}", collection.name, Shown(name),
                             DidYouMean(name, names)));
  return false;
}

void CheckOn(const Node& node, const std::vector<OnPair>& pairs, const Collection* lookup,
             const Collection* changes, Report& report) {
  bool fields_exist = true;
  for (const auto& pair : pairs) {
    const bool has_lookup =
        lookup == nullptr || CheckField(*lookup, *pair.lookup_at, pair.lookup, report);
    const bool has_change =
        changes == nullptr || CheckField(*changes, *pair.change_at, pair.change, report);
    fields_exist = fields_exist && has_lookup;
    if (!has_lookup || !has_change || lookup == nullptr || changes == nullptr) continue;
    const auto left = TypeOf(*lookup, pair.lookup);
    const auto right = TypeOf(*changes, pair.change);
    if (left != right)
      report.Add(*pair.change_at,
                 fmt::format("the types must be the same: {}.{} is {}, {}.{} is {}",
                             lookup->name, pair.lookup, left->ToString(), changes->name,
                             pair.change, right->ToString()));
  }
  if (fields_exist && lookup != nullptr && !pairs.empty() && !IsUnique(*lookup, pairs))
    report.Add(node,
               fmt::format("a lookup finds one row: `on` must be the key of {} or all "
                           "of one of its `unique` lists, which are {}",
                           lookup->name, UniqueSets(*lookup)));
}

Lookup ReadLookup(const Node& name, const Node& value, const Collection* changes,
                  const Collections& collections, Report& report) {
  Lookup lookup;
  lookup.place = report.At(name);
  if (const auto text = ReadName(&name, "a name for the lookup", report))
    lookup.name = *text;
  const Keys keys(value, "a lookup", {"changes", "on", "as_of", "lookup_wait"}, report);
  const auto collection =
      ReadCollectionName(keys.Need("changes", "customers"), collections, report);
  lookup.collection = collection.value_or("");
  if (const auto now = ReadChoice<bool>(keys.Find("as_of"),
                                        {{"commit", false}, {"now", true}}, report))
    lookup.as_of_now = *now;
  if (const auto wait =
          ReadDurationMs(keys.Find("lookup_wait"), 0, kMaxLookupWaitMs, report))
    lookup.lookup_wait_ms = *wait;
  if (const auto* on = keys.Need("on", "customer_id")) {
    const auto pairs = ReadOnPairs(*on, report);
    CheckOn(*on, pairs, collections.Find(lookup.collection), changes, report);
    for (const auto& pair : pairs) lookup.on.emplace_back(pair.lookup, pair.change);
  }
  return lookup;
}

}  // namespace

std::vector<Lookup> ReadLookups(const Node& node, const Collection* changes,
                                const Collections& collections, Report& report) {
  std::vector<Lookup> lookups;
  if (node.kind != Node::Kind::kMapping) {
    report.AddExpected(node,
                       "lookups by name, such as {customers: {changes: customers, on: "
                       "customer_id}}");
    return lookups;
  }
  std::set<std::string> names;
  for (const auto& [name, value] : node.members) {
    const auto lower = ToLower(name.text);
    if (lower == "changes")
      report.Add(name, "changes is the stream itself: give the lookup another name");
    else if (!names.insert(lower).second)
      report.Add(name, fmt::format("{} differs from another lookup only in case",
                                   Shown(name.text)));
    lookups.push_back(ReadLookup(name, value, changes, collections, report));
  }
  return lookups;
}

}  // namespace millrace::project
