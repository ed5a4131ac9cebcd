#include "letter_table.hpp"

#include "schema/record_codec.hpp"

namespace millrace::app {
namespace {

constexpr std::uint32_t kPage = 200;

schema::Columns Columns() {
  const auto text = schema::Type::Simple(schema::Kind::kText);
  const auto number = schema::Type::Simple(schema::Kind::kBigint);
  const auto time = schema::Type::Simple(schema::Kind::kTimestamp);
  return {{"id", number},   {"state", text},     {"pipeline", text},  {"sink", text},
          {"stream", text}, {"offset", number},  {"event_id", text},  {"version", text},
          {"key", text},    {"stage", text},     {"reason", text},    {"payload", text},
          {"mended", text}, {"mend", text},      {"dismissal", text}, {"first_at", time},
          {"at", time},     {"attempts", number}};
}

void AddLetter(sql::BatchBuilder& builder, const pipeline::DeadLetter& letter) {
  std::size_t column = 0;
  const auto text = [&](std::string_view value) { builder.SetText(column++, value); };
  const auto number = [&](std::int64_t value) { builder.SetInt(column++, value); };
  const auto text_or_null = [&](std::string_view value) {
    if (!value.empty()) return text(value);
    builder.SetNull(column++);
  };
  number(letter.id);
  text(NameOf(letter.state));
  text(letter.pipeline);
  text(letter.sink);
  text(letter.stream);
  number(static_cast<std::int64_t>(letter.offset));
  text(letter.event_id);
  text_or_null(letter.version);
  text_or_null(letter.key);
  text(letter.stage);
  text(letter.reason);
  text(letter.payload);
  text_or_null(letter.mended);
  text_or_null(letter.mend);
  text_or_null(letter.dismissal);
  number(letter.first_at);
  number(letter.at);
  number(static_cast<std::int64_t>(letter.attempts));
  builder.EndRow();
}

/// What the store can look for, of conditions that all hold.
pipeline::DeadLetterFilter FilterOf(const std::vector<query::Filter>& conditions) {
  pipeline::DeadLetterFilter filter;
  filter.state = "all";
  filter.limit = kPage;
  const auto columns = Columns();
  for (const auto& one : conditions) {
    if (one.op != query::Op::kEq || one.negated) continue;
    const std::string& name = columns[one.column].name;
    const std::string value = schema::TextOf(one.literals.front());
    if (name == "id") filter.ids = {std::strtoll(value.c_str(), nullptr, 10)};
    if (name == "state" && pipeline::IsLetterState(value)) filter.state = value;
    auto* const into = name == "pipeline" ? &filter.pipeline
                       : name == "sink"   ? &filter.sink
                       : name == "stage"  ? &filter.stage
                       : name == "key"    ? &filter.key
                                          : nullptr;
    if (into != nullptr) *into = value;
  }
  return filter;
}

Status ReadLetters(pipeline::DeadLetters* letters,
                   const std::vector<query::Filter>& conditions,
                   const warehouse::GuestTable::Part& part) {
  if (letters == nullptr) return {};
  sql::BatchBuilder builder(Columns());
  auto filter = FilterOf(conditions);
  do {
    MR_TRY(const auto page, letters->List(filter));
    for (const auto& letter : page.letters) AddLetter(builder, letter);
    MR_CHECK_OK(part(builder.Finish()));
    filter.cursor = page.next_cursor;
  } while (!filter.cursor.empty());
  return {};
}

}  // namespace

warehouse::GuestTable LetterTable(pipeline::DeadLetters* letters) {
  warehouse::GuestTable table;
  table.info.name = "dead_letters";
  table.info.key = "id";
  table.info.columns = Columns();
  table.read = [letters](const auto& conditions, const auto& part) {
    return ReadLetters(letters, conditions, part);
  };
  return table;
}

}  // namespace millrace::app
