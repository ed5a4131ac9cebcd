#include "record_tables.hpp"

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace millrace::schema {
namespace {

std::string Prefix(char before, std::string_view name) {
  if (name.empty()) return {};
  std::string out(1, before);
  AppendJsonKey(out, name);
  return out;
}

}  // namespace

RecordTables::RecordTables(const Collection& from)
    : collection(from.name),
      created_prefix(Prefix(',', from.created_at)),
      updated_prefix(Prefix(',', from.updated_at)),
      version_prefix(Prefix(',', from.version)) {
  for (std::size_t i = 0; i < from.fields.size(); ++i) {
    const auto& field = from.fields[i];
    const bool is_key = field.name == from.key;
    if (is_key) {
      key = i;
      key_generated = field.generate != Generate::kNone;
    }
    const bool may_be_absent = field.default_json || (is_key && key_generated);
    names.push_back(field.name);
    index.emplace(field.name, i);
    entries.push_back({Prefix(i == 0 ? '{' : ',', field.name),
                       field.default_json.value_or("null"),
                       (field.required || is_key) && !may_be_absent, Rules(field)});
  }
}

std::size_t RecordTables::Find(std::string_view name, std::size_t hint) const {
  if (hint < names.size() && names[hint] == name) return hint;
  const auto found = index.find(name);
  return found == index.end() ? npos : found->second;
}

std::string RecordTables::Unknown(std::string_view name) const {
  if (name.starts_with('_'))
    return "is set by the server, names with _ are not for bodies";
  auto message = "is not a field of " + collection;
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = NearMiss(name, candidates.data(), candidates.size());
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return message;
}

std::string KeyProblem(std::string_view text) {
  if (text.empty()) return "is the key and must not be empty";
  if (text.size() > kMaxKeyBytes) {
    return "is the key and may have at most " + std::to_string(kMaxKeyBytes) + " bytes";
  }
  return {};
}

}  // namespace millrace::schema
