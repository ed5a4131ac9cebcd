// Creates through the record store's writer against a bare loop over SQLite's C API that
// group-commits the same rows: same tables, keys, pragmas and mean batch.
//
//   records_bench DIRECTORY [creates a round] [records a request] [rounds]
//
// Prints one JSON line. `ratio` is ours / bare in records a second, median of the rounds.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <semaphore>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "records_embedded/embedded_records.hpp"
#include "schema/record_codec.hpp"

namespace {

using namespace millrace;

constexpr int kInFlight = 64;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "records_bench: %s\n", what.c_str());
  std::exit(1);
}

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double ThreadCpu() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

double ProcessCpu() {
  timespec at{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

schema::Collection Orders() {
  using schema::Kind;
  using schema::Type;
  schema::Collection out;
  out.name = "orders";
  out.key = "order_id";
  schema::Field key{.name = "order_id", .type = Type::Simple(Kind::kText)};
  key.generate = schema::Generate::kUuidV7;
  out.fields = {key,
                {.name = "customer_id", .type = Type::Simple(Kind::kText)},
                {.name = "amount", .type = Type::Decimal(10, 2)},
                {.name = "status", .type = Type::Simple(Kind::kText)},
                {.name = "note", .type = Type::Simple(Kind::kText)}};
  return out;
}

std::string Body(std::size_t i) {
  auto out = R"({"customer_id":"customer-)" + std::to_string(i * 7919 % 100'003) +
             R"(","amount":")" + std::to_string(i % 1000) +
             R"(.25","status":"pending","note":")" +
             std::string(80, static_cast<char>('a' + i % 26)) + R"("})";
  return out;
}

struct Run {
  double seconds = 0;
  double process_cpu = 0;
  double writer_cpu = 0;
  std::size_t records = 0;
  double mean_batch = 0;
  double get_us = 0;
};

/// Get by key, one thread, keys spread over the whole table.
double MeasureGets(records::RecordStore& store) {
  std::vector<std::string> keys;
  const auto scanned = store.Scan("orders", [&](const auto& record) {
    keys.emplace_back(record.key);
    return true;
  });
  if (!scanned) Die(scanned.error().ToString());
  constexpr std::size_t kGets = 20'000;
  const auto cpu = ThreadCpu();
  for (std::size_t i = 0; i < kGets; ++i) {
    const auto stored = store.Get("", "orders", keys[i * 7919 % keys.size()]);
    if (!stored) Die(stored.error().ToString());
  }
  return (ThreadCpu() - cpu) * 1e6 / kGets;
}

schema::Draft ParseDraft(const schema::RecordCodec& codec, std::size_t i) {
  auto body = Body(i);
  const auto size = body.size();
  body.resize(size + schema::kJsonPadding);
  bool batch = false;
  auto drafts = codec.ParseCreates({body.data(), size}, 1, &batch);
  if (!drafts) Die(drafts.error().ToString());
  return std::move(drafts->front());
}

Run RunOurs(const std::filesystem::path& directory, std::size_t creates,
            std::size_t per_request) {
  auto store =
      records::EmbeddedRecords::Open({.directory = directory, .collections = {Orders()}});
  if (!store) Die(store.error().ToString());
  const schema::RecordCodec codec(Orders());
  std::vector<std::vector<records::WriteOp>> requests(creates / per_request);
  for (std::size_t i = 0; i < requests.size() * per_request; ++i) {
    requests[i / per_request].emplace_back().body = ParseDraft(codec, i);
  }
  std::counting_semaphore<kInFlight> free(kInFlight);
  double first_cpu = -1, last_cpu = 0;
  std::size_t groups = 0;
  double last_done = 0;
  Run out;
  const auto started = Seconds();
  const auto cpu = ProcessCpu();
  for (auto& ops : requests) {
    free.acquire();
    (*store)->Submit({.tenant = "",
                      .collection = "orders",
                      .ops = std::move(ops),
                      .idempotency = {},
                      .render =
                          [](const Result<std::vector<records::Written>>& written) {
                            if (!written) Die(written.error().ToString());
                            return records::Answer{
                                201, {}, {}, written->front().document};
                          },
                      .done =
                          [&](records::Answer, bool) {
                            const auto now = ThreadCpu();
                            if (first_cpu < 0) first_cpu = now;
                            // Answers of one group follow each other at once; a commit
                            // lies between those of two groups.
                            const auto at = Seconds();
                            if (at - last_done > 30e-6) ++groups;
                            last_done = at;
                            last_cpu = now;
                            free.release();
                          }});
  }
  for (int i = 0; i < kInFlight; ++i) free.acquire();
  out.seconds = Seconds() - started;
  out.process_cpu = ProcessCpu() - cpu;
  out.writer_cpu = last_cpu - first_cpu;
  out.records = requests.size() * per_request;
  out.mean_batch = static_cast<double>(out.records) / static_cast<double>(groups);
  out.get_us = MeasureGets(**store);
  return out;
}

void Check(sqlite3* db, int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
    Die(sqlite3_errmsg(db));
  }
}

sqlite3_stmt* Prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* out = nullptr;
  Check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &out, nullptr));
  return out;
}

void Text(sqlite3_stmt* statement, int at, const std::string& text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()),
                    SQLITE_STATIC);
}

void Step(sqlite3* db, sqlite3_stmt* statement) {
  Check(db, sqlite3_step(statement));
  sqlite3_reset(statement);
}

/// The tables are made by the store itself, so that they are the same.
void MakeTables(const std::filesystem::path& directory) {
  auto store =
      records::EmbeddedRecords::Open({.directory = directory, .collections = {Orders()}});
  if (!store) Die(store.error().ToString());
}

Run RunBare(const std::filesystem::path& directory, std::size_t creates,
            std::size_t group) {
  MakeTables(directory);
  std::vector<std::string> keys(creates), documents(creates);
  IdMaker ids(SystemClock(), 0);
  const schema::RecordCodec codec(Orders());
  for (std::size_t i = 0; i < creates; ++i) {
    AppendUuid(keys[i], ids.UuidV7());
    documents[i] = codec.Finish(ParseDraft(codec, i), keys[i], SystemClock().Now(),
                                SystemClock().Now(), {0, i + 1, 0});
  }
  sqlite3* db = nullptr;
  sqlite3_open_v2((directory / "records.db").c_str(), &db,
                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Check(db, sqlite3_exec(db,
                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA cache_size=-12288; PRAGMA temp_store=MEMORY",
                         nullptr, nullptr, nullptr));
  auto* begin = Prepare(db, "BEGIN IMMEDIATE");
  auto* commit = Prepare(db, "COMMIT");
  auto* record = Prepare(db,
                         "INSERT INTO r_orders(tenant, key, epoch, position, document) "
                         "VALUES('',?1,0,?2,?3)");
  auto* change = Prepare(db,
                         "INSERT INTO changes(seq, collection, tenant, key, operation, "
                         "epoch, committed_at, before, after) "
                         "VALUES(?1,'orders','',?2,0,0,?3,NULL,?4)");
  auto* sums = Prepare(db, "UPDATE collections SET changes=?1 WHERE name='orders'");
  auto* state = Prepare(db, "UPDATE store SET next_seq=?1, time_floor=?2 WHERE id=1");
  Run out;
  const auto started = Seconds();
  const auto cpu = ProcessCpu();
  for (std::size_t at = 0; at < creates;) {
    Step(db, begin);
    const auto now = SystemClock().Now();
    for (std::size_t n = 0; n < group && at < creates; ++n, ++at) {
      const auto seq = static_cast<sqlite3_int64>(at + 1);
      Text(record, 1, keys[at]);
      sqlite3_bind_int64(record, 2, seq);
      Text(record, 3, documents[at]);
      Step(db, record);
      sqlite3_bind_int64(change, 1, seq);
      Text(change, 2, keys[at]);
      sqlite3_bind_int64(change, 3, now);
      Text(change, 4, documents[at]);
      Step(db, change);
    }
    sqlite3_bind_int64(sums, 1, static_cast<sqlite3_int64>(at));
    Step(db, sums);
    sqlite3_bind_int64(state, 1, static_cast<sqlite3_int64>(at + 1));
    sqlite3_bind_int64(state, 2, now);
    Step(db, state);
    Step(db, commit);
  }
  out.seconds = Seconds() - started;
  out.process_cpu = ProcessCpu() - cpu;
  out.records = creates;
  out.mean_batch = static_cast<double>(group);
  for (auto* statement : {begin, commit, record, change, sums, state}) {
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
  return out;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double Micros(double seconds, const Run& run) {
  return seconds * 1e6 / static_cast<double>(run.records);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) Die("usage: records_bench DIRECTORY [creates] [a request] [rounds]");
  const auto number = [&](int at, std::size_t otherwise) {
    return argc > at ? static_cast<std::size_t>(std::atoll(argv[at])) : otherwise;
  };
  const std::filesystem::path directory = argv[1];
  const auto creates = number(2, 50'000);
  const auto per_request = number(3, 1);
  const auto rounds = number(4, 5);
  std::vector<double> ratio, ours_rate, bare_rate, ours_cpu, writer_cpu, bare_cpu, batch,
      gets;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::filesystem::remove_all(directory);
    const auto ours = RunOurs(directory / "ours", creates, per_request);
    const auto group = std::max(1.0, ours.mean_batch);
    const auto bare =
        RunBare(directory / "bare", creates, static_cast<std::size_t>(group));
    ours_rate.push_back(static_cast<double>(ours.records) / ours.seconds);
    bare_rate.push_back(static_cast<double>(bare.records) / bare.seconds);
    ratio.push_back(ours_rate.back() / bare_rate.back());
    ours_cpu.push_back(Micros(ours.process_cpu, ours));
    writer_cpu.push_back(Micros(ours.writer_cpu, ours));
    bare_cpu.push_back(Micros(bare.process_cpu, bare));
    batch.push_back(ours.mean_batch);
    gets.push_back(ours.get_us);
  }
  std::filesystem::remove_all(directory);
  std::printf(
      "{\"bench\":\"records\",\"records_a_request\":%zu,\"ratio\":%.3f,"
      "\"ours_per_s\":%.0f,\"bare_per_s\":%.0f,\"mean_batch\":%.1f,"
      "\"process_cpu_us\":%.2f,\"writer_cpu_us\":%.2f,\"bare_cpu_us\":%.2f,"
      "\"get_cpu_us\":%.2f}\n",
      per_request, Median(ratio), Median(ours_rate), Median(bare_rate), Median(batch),
      Median(ours_cpu), Median(writer_cpu), Median(bare_cpu), Median(gets));
}
