#include "collection_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "access_reader.hpp"
#include "field_reader.hpp"
#include "project/users.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

using schema::Collection;
using schema::Kind;

/// What sign-ups and their answers say beside a user's record.
constexpr std::string_view kNotOfUsers[] = {"password", "role", "tenant"};

/// Columns of `changes` that no field may hide.
constexpr std::string_view kSystemFields[] = {"_created_at", "_updated_at", "_version"};

class CollectionReader {
 public:
  CollectionReader(const Keys& keys, Report& report) : keys_(keys), report_(report) {}

  /// After Read: the columns that rules may name; nullopt where a field had a problem.
  std::optional<schema::Columns> Columns(const Collection& collection) const {
    if (!fields_known_ || collection.fields.size() != declared_.size())
      return std::nullopt;
    return collection.DocumentColumns();
  }

  Collection Read(std::string name) {
    collection_.name = std::move(name);
    const auto* key = keys_.Need("key", "order_id");
    const auto key_name = ReadText(key, "the name of a field", report_);
    ReadFields(key_name.value_or(""));
    ReadSystem();
    if (key_name && fields_known_) CheckKey(*key, *key_name);
    collection_.key = key_name.value_or("");
    collection_.indexes = ReadColumnSets("indexes");
    collection_.unique = ReadColumnSets("unique");
    return std::move(collection_);
  }

  /// Adds to Users().
  Collection ReadOwnFieldsOfUsers() {
    collection_ = Users();
    for (const auto& field : collection_.fields) {
      declared_.push_back(field.name);
      lower_names_.insert(field.name);
    }
    if (const auto* fields = keys_.Find("fields")) {
      if (fields->kind == Node::Kind::kMapping) RefuseNames(*fields);
      AddFields(*fields, Role::kOther);
    }
    ReadSystem();
    collection_.indexes = ReadColumnSets("indexes");
    std::ranges::move(ReadColumnSets("unique"), std::back_inserter(collection_.unique));
    return std::move(collection_);
  }

 private:
  void ReadFields(const std::string& key) {
    const auto* fields = keys_.Need("fields", "{order_id: {type: text}}");
    if (fields == nullptr) {
      fields_known_ = false;
      return;
    }
    const auto is_key = [&](const auto& field) { return field.key.text == key; };
    const bool key_known = std::ranges::any_of(fields->members, is_key);
    AddFields(*fields, key_known ? Role::kOther : Role::kUnknown, key);
  }

  /// `role`: of every field but `key`.
  void AddFields(const Node& fields, Role role, const std::string& key = {}) {
    if (fields.kind != Node::Kind::kMapping || fields.members.empty()) {
      report_.AddExpected(fields, "fields, such as {order_id: {type: text}}");
      fields_known_ = false;
      return;
    }
    for (const auto& field : fields.members) declared_.push_back(field.key.text);
    for (const auto& [name, value] : fields.members) {
      if (!lower_names_.insert(ToLower(name.text)).second)
        report_.Add(name, fmt::format("{} differs from another field only in case",
                                      Shown(name.text)));
      auto field = ReadField(name, value, name.text == key ? Role::kKey : role, report_);
      if (field) collection_.fields.push_back(*std::move(field));
    }
  }

  /// Fields that users have without being told, and those that would be taken for what is
  /// not in the record.
  void RefuseNames(const Node& fields) {
    for (const auto& [name, value] : fields.members) {
      const auto lower = ToLower(name.text);
      if (collection_.Find(lower)) {
        report_.Add(name, fmt::format("users have {} already: leave it out", lower));
      } else if (std::ranges::find(kNotOfUsers, lower) != std::end(kNotOfUsers)) {
        report_.Add(name,
                    fmt::format("{} is kept apart from the record: leave it out", lower));
      }
    }
  }

  void CheckKey(const Node& node, const std::string& key) {
    if (std::ranges::find(declared_, key) != declared_.end()) return;
    const std::vector<std::string_view> names(declared_.begin(), declared_.end());
    auto hint = DidYouMean(key, names);
    if (hint.empty()) hint = "; the fields are " + Join(names);
    report_.Add(node, fmt::format("the key {} is not a field{}", Shown(key), hint));
  }

  void ReadSystem() {
    const auto* system = keys_.Find("system");
    if (system == nullptr) return;
    const Keys names(*system, "system",
                     {std::begin(kSystemFields), std::end(kSystemFields)}, report_);
    Rename(names, "_created_at", collection_.created_at);
    Rename(names, "_updated_at", collection_.updated_at);
    Rename(names, "_version", collection_.version);
  }

  void Rename(const Keys& names, std::string_view system_name, std::string& name) {
    const auto* node = names.Find(system_name);
    if (node == nullptr) return;
    if (node->kind == Node::Kind::kScalar && node->text == system_name) return;
    const auto given = ReadName(node, "a field name", report_);
    if (!given) return;
    if (!lower_names_.insert(ToLower(*given)).second)
      report_.Add(*node, fmt::format("there is another field {}", *given));
    name = *given;
  }

  std::vector<std::vector<std::string>> ReadColumnSets(std::string_view key) {
    std::vector<std::vector<std::string>> sets;
    const auto* list = ReadList(keys_.Find(key),
                                "a list of lists of fields, such as [[status]]", report_);
    if (list == nullptr) return sets;
    for (const auto& item : *list) {
      auto columns = ReadColumns(item);
      if (!columns.empty() && std::ranges::find(sets, columns) != sets.end())
        report_.Add(item, "the same list stands here twice");
      sets.push_back(std::move(columns));
    }
    return sets;
  }

  std::vector<std::string> ReadColumns(const Node& node) {
    std::vector<std::string> columns;
    const auto* items = ReadList(&node, "a list of fields, such as [status]", report_);
    if (items == nullptr) return columns;
    if (items->empty()) report_.AddExpected(node, "at least one field, such as [status]");
    for (const auto& item : *items) {
      const auto name = ReadText(&item, "the name of a field", report_);
      if (!name || !CheckColumn(item, *name)) continue;
      if (std::ranges::find(columns, *name) != columns.end())
        report_.Add(item, fmt::format("{} stands here twice", *name));
      columns.push_back(*name);
    }
    return columns;
  }

  /// False (and a problem) where `name` cannot be compared, or is not there.
  bool CheckColumn(const Node& node, const std::string& name) {
    if (!fields_known_) return false;
    for (const auto& column : collection_.DocumentColumns()) {
      if (column.name != name) continue;
      if (column.type.scalar() && column.type.kind != Kind::kJson) return true;
      report_.Add(node, fmt::format("{} is {}: only scalar fields can stand here", name,
                                    column.type.ToString()));
      return false;
    }
    // One that is declared, but has a problem of its own.
    if (std::ranges::find(declared_, name) != declared_.end()) return false;
    report_.Add(node, fmt::format("there is no field {}{}", Shown(name), HintFor(name)));
    return false;
  }

  std::string HintFor(const std::string& name) const {
    const std::string* const renamed[] = {&collection_.created_at,
                                          &collection_.updated_at, &collection_.version};
    for (std::size_t i = 0; i < std::size(renamed); ++i)
      if (name == kSystemFields[i])
        return fmt::format("; it is called {} here", *renamed[i]);
    std::vector<std::string_view> names(declared_.begin(), declared_.end());
    for (const auto* system : renamed) names.emplace_back(*system);
    return DidYouMean(name, names);
  }

  const Keys& keys_;
  Report& report_;
  Collection collection_;
  std::vector<std::string> declared_;  ///< also those with problems
  std::set<std::string> lower_names_;
  bool fields_known_ = true;
};

/// What `read` makes of a file, with its rules.
template <typename Read>
std::optional<ReadCollectionResult> ReadWith(const Keys& keys, std::string_view content,
                                             std::size_t problems_before, Report& report,
                                             Read read) {
  const auto* name_node = keys.Need("collection", "orders");
  const auto name = ReadName(name_node, "a collection name", report);
  ReadCollectionResult result;
  CollectionReader reader(keys, report);
  result.collection = read(reader, name.value_or(""));
  const auto columns = reader.Columns(result.collection);
  result.access = ReadAccess(keys, query::kOperations, columns ? &*columns : nullptr,
                             content, report);
  if (!name) return std::nullopt;
  result.name_at = *name_node;
  result.whole = report.count() == problems_before;
  return result;
}

}  // namespace

std::optional<ReadCollectionResult> ReadCollection(const Node& root,
                                                   std::string_view content,
                                                   Report& report) {
  const auto problems_before = report.count();
  const Keys keys(
      root, "a collection",
      {"collection", "key", "fields", "indexes", "unique", "system", "rules", "tenant"},
      report);
  if (root.kind != Node::Kind::kMapping) return std::nullopt;
  return ReadWith(keys, content, problems_before, report,
                  [](auto& reader, auto name) { return reader.Read(std::move(name)); });
}

std::optional<ReadCollectionResult> ReadUsers(const Node& root, std::string_view content,
                                              Report& report) {
  const auto problems_before = report.count();
  const Keys keys(root, "the collection of users",
                  {"collection", "fields", "indexes", "unique", "system", "rules"},
                  report);
  if (root.kind != Node::Kind::kMapping) return std::nullopt;
  auto read =
      ReadWith(keys, content, problems_before, report,
               [](auto& reader, const auto&) { return reader.ReadOwnFieldsOfUsers(); });
  const auto* rules = keys.Find("rules");
  if (read && rules == nullptr) read->access = RulesOfUsers();
  if (read && read->access.RuleOf(query::Operation::kCreate))
    report.Add(*rules, "users are made by signing up: leave `create` out");
  return read;
}

}  // namespace millrace::project
