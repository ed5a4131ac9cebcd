#include <algorithm>
#include <numeric>

#include "record_check.hpp"

namespace millrace::schema {
namespace {

struct Member {
  std::string_view name;  ///< raw
  std::string_view value;
  bool used = false;
};

std::vector<Member> MembersOf(std::string_view object) {
  std::vector<Member> found;
  Members members(object);
  while (members.Next()) found.push_back({members.raw_name(), members.value()});
  return found;
}

/// Indexes of `members` in order of name: an object of very many names stays n log n.
std::vector<std::size_t> ByName(const std::vector<Member>& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return members[a].name < members[b].name;
  });
  return order;
}

void AppendMember(std::string& out, std::string_view raw_name) {
  if (!out.ends_with('{')) out += ',';
  out += '"';
  out += raw_name;
  out += "\":";
}

/// RFC 7396 on canonical JSON: what stands keeps its place, new members come last.
void AppendMerged(std::string& out, std::string_view target, std::string_view patch) {
  if (!patch.starts_with('{')) {
    out += patch;
    return;
  }
  auto changes = MembersOf(patch);
  const auto order = ByName(changes);
  const auto find = [&](std::string_view name) -> Member* {
    const auto at = std::lower_bound(
        order.begin(), order.end(), name,
        [&](std::size_t i, std::string_view wanted) { return changes[i].name < wanted; });
    return at != order.end() && changes[*at].name == name ? &changes[*at] : nullptr;
  };
  out += '{';
  if (!target.starts_with('{')) target = "{}";
  Members members(target);
  while (members.Next()) {
    auto* const change = find(members.raw_name());
    if (change != nullptr) change->used = true;
    if (change != nullptr && change->value == "null") continue;
    AppendMember(out, members.raw_name());
    if (change == nullptr) {
      out += members.value();
    } else {
      AppendMerged(out, members.value(), change->value);
    }
  }
  for (const auto& change : changes) {
    if (change.used || change.value == "null") continue;
    AppendMember(out, change.name);
    AppendMerged(out, {}, change.value);
  }
  out += '}';
}

/// The stored literal of each declared field; empty where the document lacks it.
std::vector<std::string_view> LiteralsOf(std::string_view document,
                                         const RecordTables& tables) {
  std::vector<std::string_view> literals(tables.names.size());
  Members members(document);
  std::size_t expected = 0;
  while (members.Next()) {
    const auto field = tables.Find(members.raw_name(), expected);
    expected = field + 1;
    if (field != RecordTables::npos) literals[field] = members.value();
  }
  return literals;
}

}  // namespace

Result<Patch> RecordCodec::ParsePatch(std::string_view body, std::string_view key) const {
  MR_TRY(const auto key_literal, KeyLiteral(key));
  Problems problems;
  RecordCheck record(collection_, *tables_, problems);
  record.AllowMerge();
  if (!ReadObject(body, record, problems)) return Fail(std::move(problems).ToError());
  record.SetKey(key_literal);
  if (!problems.none()) return Fail(std::move(problems).ToError());
  Patch patch;
  for (std::size_t i = 0; i < collection_.fields.size(); ++i) {
    if (i == tables_->key || !record.given(i)) continue;
    const auto kind = collection_.fields[i].type.kind;
    const auto literal = record.literal(i);
    const bool merge =
        (kind == Kind::kObject || kind == Kind::kJson) && literal.starts_with('{');
    patch.items.push_back({i, merge, std::string(literal)});
  }
  return patch;
}

Result<std::string> RecordCodec::Apply(std::string_view document,
                                       const Patch& patch) const {
  auto literals = LiteralsOf(document, *tables_);
  std::vector<std::string> merged(patch.items.size());
  Problems problems;
  for (std::size_t i = 0; i < patch.items.size(); ++i) {
    const auto& item = patch.items[i];
    auto& literal = literals[item.field];
    if (!item.merge) {
      literal = item.json;
      continue;
    }
    std::string json;
    AppendMerged(json, literal, item.json);
    const auto& field = collection_.fields[item.field];
    const auto path = Path::Member(nullptr, field.name);
    if (CheckText(field.type, json, &path, problems, merged[i])) literal = merged[i];
  }
  std::string out;
  out.reserve(document.size());
  for (std::size_t i = 0; i < literals.size(); ++i) {
    const auto& entry = tables_->entries[i];
    // A field that was declared after the record was written: as if it had been absent.
    const std::string_view literal = literals[i].empty() ? entry.absent : literals[i];
    if (literal == "null" && collection_.fields[i].required) {
      const auto path = Path::Member(nullptr, tables_->names[i]);
      problems.Add(&path, "is required");
    }
    out += entry.prefix;
    out += literal;
  }
  out += '}';
  if (!problems.none()) return Fail(std::move(problems).ToError());
  return out;
}

}  // namespace millrace::schema
