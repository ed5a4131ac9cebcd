#include "record_check.hpp"

namespace millrace::schema {

bool RecordCheck::Read(ondemand::value value, const Path* where) {
  if (value.raw_json_token()[0] != '{') {
    check_.problems().Add(where, "must be an object");
    return false;
  }
  ondemand::object object;
  if (const auto code = value.get_object().get(object); code) return check_.Break(code);
  Read(object, where);
  return true;
}

void RecordCheck::Read(ondemand::object object, const Path* where) {
  literals_.clear();
  spans_.assign(collection_.fields.size(), {});
  std::size_t expected = 0;
  for (auto result : object) {
    ondemand::field member;
    std::string_view name;
    if (const auto code = std::move(result).get(member); code) {
      check_.Break(code);
      return;
    }
    if (!check_.Name(member, where, &name)) return;
    const auto path = Path::Member(where, name);
    const auto field = tables_.Find(name, expected);
    expected = field + 1;
    if (field == RecordTables::npos) {
      check_.problems().Add(&path, tables_.Unknown(name));
    } else if (spans_[field].given) {
      check_.problems().Add(&path, "is given twice");
    } else {
      ReadField(field, member.value(), &path);
    }
    if (check_.problems().broken()) return;
  }
}

void RecordCheck::ReadField(std::size_t field, ondemand::value value, const Path* where) {
  const auto& declared = collection_.fields[field];
  auto& span = spans_[field];
  span = {literals_.size(), literals_.size(), true, false};
  const bool is_patch = allow_merge_ && declared.type.kind == Kind::kObject &&
                        value.raw_json_token()[0] == '{';
  Scalar scalar;
  const bool good =
      is_patch ? check_.Minify(value, where, 2, literals_)
               : check_.Check(declared.type, value, where, 2, literals_, &scalar);
  span.end = literals_.size();
  span.good = good;
  if (!good) return;
  auto& problems = check_.problems();
  const auto text = literal(field);
  if (text == "null") {
    const bool is_key = field == tables_.key;
    if (is_key || declared.required) problems.Add(where, "must not be null");
    return;
  }
  if (auto broken = tables_.entries[field].rules.Broken(text, scalar); !broken.empty()) {
    problems.Add(where, std::move(broken));
  }
}

void RecordCheck::SetKey(std::string_view literal_of_key) {
  if (check_.problems().broken()) return;
  if (!given(tables_.key)) {
    spans_[tables_.key] = {literals_.size(), literals_.size() + literal_of_key.size(),
                           true, true};
    literals_ += literal_of_key;
  } else if (spans_[tables_.key].good && literal(tables_.key) != literal_of_key) {
    const auto path = Path::Member(nullptr, tables_.names[tables_.key]);
    check_.problems().Add(&path,
                          "must be the key in the URL: a record's key never changes");
  }
}

void RecordCheck::MakeDraft(const Path* where, Draft& draft) {
  draft.key.clear();
  draft.json.clear();
  auto& problems = check_.problems();
  if (problems.broken()) return;
  draft.json.reserve(literals_.size() + tables_.names.size() * 16 + 16);
  for (std::size_t i = 0; i < tables_.entries.size(); ++i) {
    const auto& entry = tables_.entries[i];
    draft.json += entry.prefix;
    const bool is_key = i == tables_.key;
    if (is_key) draft.key_at = draft.json.size();
    if (given(i)) {
      draft.json += literal(i);
    } else if (entry.must_be_given) {
      const auto path = Path::Member(where, tables_.names[i]);
      problems.Add(&path, "is required");
    } else if (!is_key || !tables_.key_generated) {
      draft.json += entry.absent;
    }
    if (!is_key || !spans_[i].good) continue;
    draft.key = TextOf(literal(i));
    if (auto problem = KeyProblem(draft.key); !problem.empty()) {
      const auto path = Path::Member(where, tables_.names[i]);
      problems.Add(&path, std::move(problem));
    }
  }
  draft.json += '}';
}

bool ReadObject(std::string_view body, RecordCheck& record, Problems& problems) {
  ondemand::document document;
  ondemand::object object;
  auto code = ThreadParser()
                  .iterate(body.data(), body.size(), body.size() + kJsonPadding)
                  .get(document);
  if (code == simdjson::SUCCESS) code = document.get_object().get(object);
  if (code == simdjson::INCORRECT_TYPE) {
    problems.Add(nullptr, "must be an object");
    return false;
  }
  if (code == simdjson::SUCCESS) {
    record.Read(object, nullptr);
    if (problems.none() && !AtEnd(document)) code = simdjson::TRAILING_CONTENT;
  }
  if (code != simdjson::SUCCESS) problems.Break(BrokenReason(code));
  return !problems.broken();
}

}  // namespace millrace::schema
