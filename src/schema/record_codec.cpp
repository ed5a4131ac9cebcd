#include "schema/record_codec.hpp"

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "record_check.hpp"

namespace millrace::schema {
namespace {

/// The first character that is not a JSON space.
char FirstCharacter(std::string_view body) {
  const auto at = body.find_first_not_of(" \t\r\n");
  return at == body.npos ? '\0' : body[at];
}

Error TooMany(std::size_t max_records) {
  return Error(ErrorCode::kTooLarge,
               "a batch may have at most " + std::to_string(max_records) + " records");
}

using DraftSink = std::function<void(Draft&)>;

/// Reads the elements of a batch one by one.
Status ReadBatch(std::string_view body, std::size_t max_records, RecordCheck& record,
                 Problems& problems, const DraftSink& sink) {
  ondemand::document document;
  ondemand::array array;
  auto code = ThreadParser()
                  .iterate(body.data(), body.size(), body.size() + kJsonPadding)
                  .get(document);
  if (code == simdjson::SUCCESS) code = document.get_array().get(array);
  if (code != simdjson::SUCCESS) {
    problems.Break(BrokenReason(code));
    return {};
  }
  std::size_t count = 0;
  Draft draft;
  for (auto element : array) {
    ondemand::value value;
    if (code = element.get(value); code != simdjson::SUCCESS) break;
    if (count == max_records) return Fail(TooMany(max_records));
    const auto path = Path::Element(nullptr, count++);
    // An element that is no object lacks every field; saying so would help nobody.
    const bool is_object = record.Read(value, &path);
    if (problems.broken()) return {};
    if (!is_object) continue;
    record.MakeDraft(&path, draft);
    sink(draft);
  }
  if (code == simdjson::SUCCESS && problems.none() && !AtEnd(document)) {
    code = simdjson::TRAILING_CONTENT;
  }
  if (code != simdjson::SUCCESS) problems.Break(BrokenReason(code));
  if (count == 0) problems.Add(nullptr, "must have at least one record");
  return {};
}

}  // namespace

RecordCodec::RecordCodec(Collection collection)
    : collection_(std::move(collection)),
      tables_(std::make_shared<Tables>(collection_)) {}

Result<std::vector<Draft>> RecordCodec::ParseCreates(std::string_view body,
                                                     std::size_t max_records,
                                                     bool* batch) const {
  std::vector<Draft> drafts;
  MR_CHECK_OK(ParseEachCreate(body, max_records, batch, [&drafts](Draft& draft) {
    drafts.push_back(std::move(draft));
  }));
  return drafts;
}

Status RecordCodec::ParseEachCreate(std::string_view body, std::size_t max_records,
                                    bool* batch, const DraftSink& sink) const {
  Problems problems;
  RecordCheck record(collection_, *tables_, problems);
  *batch = FirstCharacter(body) == '[';
  if (*batch) {
    MR_CHECK_OK(ReadBatch(body, max_records, record, problems, sink));
  } else if (ReadObject(body, record, problems)) {
    Draft draft;
    record.MakeDraft(nullptr, draft);
    sink(draft);
  }
  if (!problems.none()) return Fail(std::move(problems).ToError());
  return {};
}

Result<Draft> RecordCodec::ParseReplace(std::string_view body,
                                        std::string_view key) const {
  MR_TRY(const auto key_literal, KeyLiteral(key));
  Problems problems;
  RecordCheck record(collection_, *tables_, problems);
  if (!ReadObject(body, record, problems)) return Fail(std::move(problems).ToError());
  record.SetKey(key_literal);
  Draft draft;
  record.MakeDraft(nullptr, draft);
  if (!problems.none()) return Fail(std::move(problems).ToError());
  return draft;
}

std::string RecordCodec::Finish(const Draft& draft, std::string_view generated_key,
                                TimestampUs created_at, TimestampUs updated_at,
                                const Version& version) const {
  std::string out;
  out.reserve(draft.json.size() + generated_key.size() + system_size());
  AppendFinished(out, {draft.key, draft.json, draft.key_at}, generated_key, created_at,
                 updated_at, version);
  return out;
}

std::size_t RecordCodec::system_size() const {
  constexpr std::size_t kLiterals = 2 * 29 + 34 + 1;
  constexpr std::size_t kQuotesOfKey = 2;
  return tables_->created_prefix.size() + tables_->updated_prefix.size() +
         tables_->version_prefix.size() + kLiterals + kQuotesOfKey;
}

void RecordCodec::AppendFinished(std::string& out, const DraftView& draft,
                                 std::string_view generated_key, TimestampUs created_at,
                                 TimestampUs updated_at, const Version& version) const {
  const auto json = draft.json;
  if (draft.key.empty() && !generated_key.empty()) {
    const auto kind = collection_.fields[tables_->key].type.kind;
    const bool bare =
        kind == Kind::kInteger || kind == Kind::kBigint || generated_key.front() == '"';
    out.append(json.substr(0, draft.key_at));
    if (!bare) out += '"';
    out += generated_key;
    if (!bare) out += '"';
    out.append(json.substr(draft.key_at, json.size() - draft.key_at - 1));
  } else {
    out.append(json.substr(0, json.size() - 1));
  }
  const auto add_time = [&](std::string_view prefix, TimestampUs at) {
    if (prefix.empty()) return;
    out += prefix;
    out += '"';
    AppendTimestamp(out, at);
    out += '"';
  };
  add_time(tables_->created_prefix, created_at);
  add_time(tables_->updated_prefix, updated_at);
  out += tables_->version_prefix;
  out += '"';
  version.AppendHex(out);
  out += "\"}";
}

Result<std::string> RecordCodec::KeyLiteral(std::string_view key) const {
  const auto& field = collection_.fields[tables_->key];
  if (const auto problem = KeyProblem(key); !problem.empty()) {
    return Fail(ErrorCode::kInvalidArgument, field.name + " " + problem);
  }
  auto literal = LiteralFromText(field.type, key);
  if (!literal) return Fail(std::move(literal).error().During(field.name));
  return literal;
}

Result<std::string> RecordCodec::LiteralFromText(const Type& type,
                                                 std::string_view text) {
  std::string json;
  const bool quoted = type.kind == Kind::kText || type.kind == Kind::kDecimal ||
                      type.kind == Kind::kDate || type.kind == Kind::kTimestamp ||
                      type.kind == Kind::kUuid || type.kind == Kind::kBytes;
  if (quoted) {
    AppendJsonString(json, text);
  } else {
    json = text;
  }
  Problems problems;
  std::string out;
  const bool good = CheckText(type, json, nullptr, problems, out);
  // Text that means null is the word null in a text column; elsewhere there is no value.
  if (good && (quoted || out != "null" || type.kind == Kind::kJson)) return out;
  if (problems.broken() || problems.none()) {
    return Fail(ErrorCode::kInvalidArgument,
                "must be " + Expectation(type) + ", not " + Excerpt(text));
  }
  auto error = std::move(problems).ToError();
  return Fail(ErrorCode::kInvalidArgument, error.fields().front().message);
}

}  // namespace millrace::schema
