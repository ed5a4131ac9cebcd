#include "letter_table.hpp"

namespace millrace::app {
namespace {

constexpr std::uint64_t kMaxBytes = 64u << 20u;
constexpr std::uint32_t kPage = 200;

schema::Columns Columns() {
  const auto text = schema::Type::Simple(schema::Kind::kText);
  const auto number = schema::Type::Simple(schema::Kind::kBigint);
  const auto time = schema::Type::Simple(schema::Kind::kTimestamp);
  return {{"id", number},      {"state", text},    {"pipeline", text}, {"sink", text},
          {"stream", text},    {"offset", number}, {"event_id", text}, {"version", text},
          {"key", text},       {"stage", text},    {"reason", text},   {"payload", text},
          {"mended", text},    {"mend", text},     {"first_at", time}, {"at", time},
          {"attempts", number}};
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
  number(letter.first_at);
  number(letter.at);
  number(static_cast<std::int64_t>(letter.attempts));
  builder.EndRow();
}

Result<sql::Batch> ReadLetters(pipeline::DeadLetters* letters) {
  sql::BatchBuilder builder(Columns());
  pipeline::DeadLetterFilter filter;
  filter.state = "all";
  filter.limit = kPage;
  std::uint64_t bytes = 0;
  while (letters != nullptr) {
    MR_TRY(const auto page, letters->List(filter));
    for (const auto& letter : page.letters) {
      bytes += letter.payload.size() + letter.mended.size() + letter.reason.size();
      AddLetter(builder, letter);
    }
    if (bytes > kMaxBytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  "the dead letters are over 64 MiB: use `millrace deadletters list`");
    }
    filter.cursor = page.next_cursor;
    if (filter.cursor.empty()) break;
  }
  return builder.Finish();
}

}  // namespace

warehouse::GuestTable LetterTable(pipeline::DeadLetters* letters) {
  warehouse::GuestTable table;
  table.info.name = "dead_letters";
  table.info.key = "id";
  table.info.columns = Columns();
  table.read = [letters] { return ReadLetters(letters); };
  return table;
}

}  // namespace millrace::app
