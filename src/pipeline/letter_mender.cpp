#include "letter_mender.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "change/envelope.hpp"
#include "change/sums.hpp"
#include "schema/record_codec.hpp"
#include "sql_tree.hpp"

namespace millrace::pipeline {
namespace {

constexpr const char* kLetters = "letters";
constexpr const char* kNumber = "_letter";
constexpr const char* kOthers[] = {"payload", "reason", "stage", "letter_key"};

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

const schema::TypedName* Find(const schema::Columns& columns, std::string_view name) {
  const auto found = std::ranges::find_if(
      columns, [&](const auto& column) { return SameName(column.name, name); });
  return found == columns.end() ? nullptr : &*found;
}

/// What an event of the pipeline's stream holds: with a codec that is a raw payload.
schema::Columns DocumentOf(const CompiledPipeline& pipeline) {
  if (pipeline.definition.codec.empty()) return pipeline.collection.DocumentColumns();
  const auto text = schema::Type::Simple(schema::Kind::kText);
  return {{"event_id", text}, {"payload", text}};
}

std::string Padded(std::string_view text) {
  return std::string(text) + std::string(schema::kJsonPadding, ' ');
}

/// A document as FindMember and ForEachMember need it; as it stands when it is no JSON.
std::string Canonical(std::string_view document) {
  const std::string padded = Padded(document);
  auto minified = schema::MinifyJson(std::string_view(padded.data(), document.size()));
  return minified ? std::move(*minified) : std::string(document);
}

}  // namespace

/// A letter as it is read.
struct LetterMender::Source {
  std::string event;  ///< padded
  std::size_t size = 0;
  bool readable = false;  ///< it has an image, from `at` on
  std::size_t at = 0, length = 0;
  std::string document;  ///< canonical; all the text when not readable
};

LetterMender::LetterMender(const CompiledPipeline& pipeline, const MendSpec& spec)
    : pipeline_(pipeline),
      spec_(spec),
      key_(pipeline.definition.codec.empty() ? pipeline.collection.key : "event_id"),
      document_(DocumentOf(pipeline)) {
  const auto text = schema::Type::Simple(schema::Kind::kText);
  input_.push_back({kNumber, schema::Type::Simple(schema::Kind::kBigint)});
  input_.insert(input_.end(), document_.begin(), document_.end());
  for (const char* name : kOthers) {
    if (Find(document_, name) == nullptr) input_.push_back({name, text});
  }
  for (const auto& [field, expression] : spec.set) {
    text_ += (text_.empty() ? "" : ", ") + field + " = " + expression;
  }
  if (!spec.document.empty()) text_ = "document = " + spec.document;
}

Result<std::unique_ptr<LetterMender>> LetterMender::Open(const CompiledPipeline& pipeline,
                                                         const MendSpec& spec,
                                                         sql::Engine& engine) {
  const int ways =
      (spec.set.empty() ? 0 : 1) + (spec.document.empty() ? 0 : 1) + (spec.reset ? 1 : 0);
  if (ways != 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "say what to change: fields (--set FIELD=EXPRESSION), the whole document "
                "(--document EXPRESSION), or --reset");
  }
  std::unique_ptr<LetterMender> mender(new LetterMender(pipeline, spec));
  if (!spec.reset) MR_CHECK_OK(mender->Prepare(engine));
  return mender;
}

Result<schema::TypedName> LetterMender::FieldOf(const std::string& name) const {
  const auto refuse = [&](const std::string& why) {
    std::string known;
    for (const auto& field : document_) {
      if (field.name.starts_with('_') || field.name == key_) continue;
      known += (known.empty() ? "" : ", ") + field.name;
    }
    return Fail(ErrorCode::kInvalidArgument,
                "set " + name + ": " + why + "; fields that can be set: " + known);
  };
  const auto* field = Find(document_, name);
  if (field == nullptr) {
    return refuse(pipeline_.stream() + " has no such field");
  }
  if (field->name.starts_with('_')) return refuse("it is not a field of the project");
  if (field->name == key_) {
    return refuse("it is the key, which never changes");
  }
  return *field;
}

Status LetterMender::Prepare(sql::Engine& engine) {
  // A line break ends a comment of the expression.
  std::string select = "SELECT " + std::string(kNumber);
  for (const auto& [name, expression] : spec_.set) {
    MR_TRY(const auto field, FieldOf(name));
    if (Find(set_, name) != nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "set " + name + ": given twice");
    }
    set_.push_back(field);
    select += ", CAST((" + expression + "\n) AS " + field.type.ToSql() + ") AS " +
              sql::QuoteName(field.name);
  }
  if (!spec_.document.empty()) {
    select += ", CAST((" + spec_.document + "\n) AS JSON) AS document";
  }
  select += " FROM " + std::string(kLetters);
  MR_TRY(session_, engine.Connect());
  MR_CHECK_OK(session_->AddRelation(kLetters, input_));
  auto prepared = session_->Prepare(select);
  if (!prepared) {
    return Fail(prepared.error().code(),
                "the expression: " + FirstLine(prepared.error().message()));
  }
  statement_ = std::move(*prepared);
  return {};
}

LetterMender::Source LetterMender::Read(const DeadLetter& letter) const {
  const std::string& event = spec_.reset ? letter.payload : letter.event();
  Source source{Padded(event), event.size(), false, 0, 0, event};
  const std::string_view body(source.event.data(), source.size);
  const auto parsed = change::ParseEnvelope(body);
  if (!parsed || parsed->image().empty()) return source;
  source.readable = true;
  source.at = static_cast<std::size_t>(parsed->image().data() - body.data());
  source.length = parsed->image().size();
  source.document = Canonical(parsed->image());
  return source;
}

sql::Batch LetterMender::Input(const std::vector<Source>& sources,
                               const std::vector<DeadLetter>& letters, std::size_t from,
                               std::size_t to) {
  sql::BatchBuilder builder(input_, to - from);
  for (std::size_t i = from; i < to; ++i) {
    builder.SetInt(0, static_cast<std::int64_t>(i));
    std::size_t column = 1;
    for (const auto& field : document_) {
      const auto literal = sources[i].readable
                               ? schema::FindMember(sources[i].document, field.name)
                               : std::string_view();
      const bool fits = !literal.empty() && builder.SetLiteral(column, literal);
      if (!fits) builder.SetNull(column);
      ++column;
    }
    for (; column < input_.size(); ++column) {
      const std::string& name = input_[column].name;
      builder.SetText(column, name == "payload"  ? sources[i].document
                              : name == "reason" ? letters[i].reason
                              : name == "stage"  ? letters[i].stage
                                                 : letters[i].key);
    }
    builder.EndRow();
  }
  return builder.Finish();
}

Result<sql::Batch> LetterMender::Execute(const sql::Batch& input) {
  session_->SetRelation(kLetters, &input);
  auto values = statement_->Execute();
  session_->SetRelation(kLetters, nullptr);
  if (!values || values->rows() == input.rows()) return values;
  return Fail(ErrorCode::kInvalidArgument, "the expression gives no one value a letter");
}

std::string LetterMender::SetFields(const std::string& document, const sql::Batch& values,
                                    std::size_t row) const {
  std::map<std::string, std::string, std::less<>> members;
  std::vector<std::string> order;
  for (const auto& column : document_) order.push_back(column.name);
  change::ForEachMember(document, [&](std::string_view member) {
    const std::string name(member.substr(1, member.find("\":") - 1));
    if (std::ranges::find(order, name) == order.end()) order.push_back(name);
    members[name] = member;
  });
  for (std::size_t i = 0; i < set_.size(); ++i) {
    std::string& member = members[set_[i].name];
    member = "\"" + set_[i].name + "\":";
    values.AppendJson(member, i + 1, row);
  }
  std::string out = "{";
  for (const std::string& name : order) {
    const auto found = members.find(name);
    if (found == members.end()) continue;
    if (out.size() > 1) out += ',';
    out += found->second;
  }
  return out + "}";
}

/// Records' API takes a number for a decimal, and other forms of times: so do we. What
/// fits no type stays, for the trial to refuse.
std::string LetterMender::WithCanonicalFields(const std::string& document) const {
  using schema::Kind;
  if (!document.starts_with('{')) return document;
  std::string out = "{";
  change::ForEachMember(document, [&](std::string_view member) {
    if (out.size() > 1) out += ',';
    const auto end = member.find("\":");
    const auto* field = Find(document_, member.substr(1, end - 1));
    const auto literal = member.substr(end + 2);
    const Kind kind = field == nullptr ? Kind::kJson : field->type.kind;
    const bool takes_more = kind == Kind::kDecimal || kind == Kind::kDate ||
                            kind == Kind::kTimestamp || kind == Kind::kUuid;
    if (takes_more && literal != "null") {
      const auto canonical =
          schema::RecordCodec::LiteralFromText(field->type, schema::TextOf(literal));
      if (canonical) {
        out += std::string(member.substr(0, end + 2)) + *canonical;
        return;
      }
    }
    out += member;
  });
  return out + "}";
}

std::string LetterMender::Event(const Source& source, const std::string& document) const {
  if (source.readable) {
    std::string event = source.event.substr(0, source.size);
    return event.replace(source.at, source.length, document);
  }
  // Older than everything else that is known of the record.
  change::Event event;
  const std::string key = schema::TextOf(schema::FindMember(document, key_));
  event.after = document;
  event.source = event.collection = pipeline_.stream();
  event.key = key;
  event.operation = "insert";
  std::string out;
  AppendEnvelope(out, event);
  return out;
}

void LetterMender::Finish(const Source& source, const sql::Batch& values, std::size_t row,
                          Mended& into) const {
  const auto stay = [&into](std::string problem) {
    into.stays = true;
    into.shown.problem = std::move(problem);
  };
  std::string document;
  if (spec_.document.empty()) {
    if (!source.readable) {
      return stay("the event cannot be read: mend it with --document");
    }
    document = SetFields(source.document, values, row);
  } else if (!values.IsNull(1, row)) {
    document = WithCanonicalFields(Canonical(values.Text(1, row)));
  }
  if (!document.starts_with('{')) return stay("the document is no object");
  const auto new_key = schema::FindMember(document, key_);
  const auto old_key = source.readable ? schema::FindMember(source.document, key_)
                                       : std::string_view(new_key);
  if (new_key.empty() || new_key != old_key) {
    return stay("the key " + key_ + " must stay what it is");
  }
  into.shown.changed = document != source.document;
  into.event = Event(source, document);
  into.shown.after = std::move(document);
}

Result<std::vector<Mended>> LetterMender::Mend(const std::vector<DeadLetter>& letters) {
  std::vector<Source> sources;
  std::vector<Mended> out(letters.size());
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const DeadLetter& letter = letters[i];
    sources.push_back(Read(letter));
    MendedLetter& shown = out[i].shown;
    shown.id = letter.id;
    shown.sink = letter.sink;
    shown.key = letter.key;
    shown.stage = letter.stage;
    shown.reason = letter.reason;
    shown.before = shown.after = sources[i].document;
    out[i].event = letter.event();
    if (!spec_.reset) continue;
    shown.changed = !letter.mended.empty();
    out[i].event = letter.payload;
  }
  if (spec_.reset || letters.empty()) return out;
  auto all = Execute(Input(sources, letters, 0, letters.size()));
  if (!all && all.error().code() != ErrorCode::kInvalidArgument) {
    return std::unexpected(std::move(all).error());
  }
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (all) {
      Finish(sources[i], *all, i, out[i]);
      continue;
    }
    // One that cannot be computed must not keep the others.
    const auto one = Execute(Input(sources, letters, i, i + 1));
    if (one) {
      Finish(sources[i], *one, 0, out[i]);
    } else {
      out[i].stays = true;
      out[i].shown.problem = "the expression: " + FirstLine(one.error().message());
    }
  }
  return out;
}

}  // namespace millrace::pipeline
