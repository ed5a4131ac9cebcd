#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "cpu_seconds.hpp"
#include "query/query.hpp"
#include "warehouse_embedded/embedded_warehouse.hpp"

/// Rows with hashed keys into one table, a fifth of them updates; then small batches at a
/// pace. CPU is of Apply and merges alone: batches are made before the clock starts.
/// Prints one line of JSON a million rows, then one of the whole and one of the pace.
///   warehouse_bench [DIR] [MILLIONS] [MERGE_RATIO] [MIN_MERGE_ROWS] [MEMORY_MIB] [INDEX]
namespace {

using namespace millrace;
namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kBatchRows = 5000;
constexpr std::size_t kBatchesAhead = 20;  ///< made while no clock runs

[[noreturn]] void Die(const std::string& what) {
  fmt::print(stderr, "warehouse_bench: {}\n", what);
  std::exit(1);
}

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double Seconds(Steady::time_point since) {
  return std::chrono::duration<double>(Steady::now() - since).count();
}

std::uint64_t RssMiB() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) >> 20u;
}

std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30u)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27u)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31u);
}

schema::Type TypeOf(std::string_view text) { return *schema::Type::Parse(text); }

warehouse::TableSpec Spec() {
  return {"bench",
          "id",
          {{"id", TypeOf("text")},
           {"customer", TypeOf("bigint")},
           {"amount", TypeOf("decimal(10,2)")},
           {"status", TypeOf("text")},
           {"created", TypeOf("timestamp")},
           {"note", TypeOf("text")},
           {"weight", TypeOf("double")},
           {"items", TypeOf("bigint")}},
          "bench/table",
          0,
          {},
          {}};
}

class Maker {
 public:
  sql::Batch Make(std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) Row();
    return builder_.Finish();
  }
  Version last() const { return {0, version_, 0}; }
  std::uint64_t created() const { return created_; }
  static std::string Key(std::uint64_t number) {
    return fmt::format("{:016x}{:08x}", Mix(number), number & 0xffffffffu);
  }

 private:
  void Row() {
    static constexpr const char* kStatus[] = {"new", "paid", "sent", "returned"};
    const bool update = created_ > 0 && version_ % 5 == 4;
    const std::uint64_t number = update ? Mix(version_) % created_ : created_++;
    const std::uint64_t mix = Mix(number);
    ++version_;
    builder_.SetText(0, Key(number));
    builder_.SetInt(1, static_cast<std::int64_t>(mix % 100'000));
    builder_.SetDecimal(2, static_cast<Int128>(Mix(version_) % 1'000'000));
    builder_.SetText(3, kStatus[Mix(version_) % 4]);
    builder_.SetInt(4, static_cast<std::int64_t>(1'700'000'000'000'000 + version_ * 977));
    builder_.SetText(5, fmt::format("ring at the door of house {} twice, then {:x}",
                                    mix % 1000, Mix(version_)));
    builder_.SetDouble(6, static_cast<double>(Mix(version_) % 1'000'000) / 977.0);
    builder_.SetInt(7, static_cast<std::int64_t>(mix % 9));
    builder_.SetText(8, last().ToHex());
    builder_.EndRow();
  }

  static schema::Columns WithVersion() {
    auto columns = Spec().columns;
    columns.push_back({"_version", TypeOf("text")});
    return columns;
  }
  sql::BatchBuilder builder_{WithVersion()};
  std::uint64_t created_ = 0;
  std::uint64_t version_ = 0;
};

class Bench {
 public:
  Bench(const fs::path& dir, double ratio, std::uint64_t min_rows,
        std::uint64_t memory_mib, const std::string& index) {
    warehouse::EmbeddedWarehouseOptions options;
    options.directory = dir;
    options.merge_ratio = ratio;
    options.min_merge_rows = min_rows;
    options.memory_limit = memory_mib << 20u;
    options.on_merge_step = [this](std::string_view step) { Step(step); };
    auto opened = warehouse::OpenEmbeddedWarehouse(options);
    if (!opened) Die(opened.error().ToString());
    warehouse_ = std::move(*opened);
    auto spec = Spec();
    if (!index.empty()) spec.indexes = {{index}};
    if (!warehouse_->OpenTable(spec) || !warehouse_->StartTable("bench", 0, 0)) {
      Die("cannot make the table");
    }
  }

  void Million(int number) {
    double cpu = 0;
    double wall = 0;
    for (std::size_t rows = 0; rows < 1'000'000; rows += kBatchRows * kBatchesAhead) {
      // What a merge does meanwhile counts as well, the making does not.
      const double before = CpuSeconds() - ThreadCpuSeconds();
      std::vector<sql::Batch> batches;
      for (std::size_t i = 0; i < kBatchesAhead; ++i) {
        batches.push_back(maker_.Make(kBatchRows));
      }
      cpu += CpuSeconds() - ThreadCpuSeconds() - before;
      const double cpu_before = CpuSeconds();
      const auto begin = Steady::now();
      for (const auto& batch : batches) Apply(batch);
      cpu += CpuSeconds() - cpu_before;
      wall += Seconds(begin);
    }
    const auto table = Info();
    fmt::print(
        "{{\"million\":{},\"cpu_seconds\":{:.2f},\"wall_seconds\":{:.2f},\"base_rows\":{}"
        ","
        "\"merges\":{},\"last_merge_seconds\":{:.2f},\"worst_merge_seconds\":{:.2f},"
        "\"worst_swap_seconds\":{:.3f},\"worst_checkpoint_seconds\":{:.3f},\"worst_apply_"
        "seconds\":{:.3f},\"p99_apply_seconds\":{:.3f},\"rss_mib\":{}}}\n",
        number, cpu, wall, table.base_rows, table.merges, table.last_merge_seconds,
        table.worst_merge_seconds, swap_seconds_.exchange(0),
        checkpoint_seconds_.exchange(0), Quantile(1), Quantile(0.99), RssMiB());
    std::fflush(stdout);
    apply_seconds_.clear();
  }

  /// 50 rows every 50 ms for `rounds`.
  void Pace(int rounds) {
    apply_seconds_.clear();
    double cpu = 0;
    auto next = Steady::now();
    for (int i = 0; i < rounds; ++i) {
      const auto batch = maker_.Make(50);
      const double before = CpuSeconds();
      Apply(batch);
      cpu += CpuSeconds() - before;
      next += std::chrono::milliseconds(50);
      std::this_thread::sleep_until(next);
    }
    fmt::print(
        "{{\"paced_rows\":50,\"applies\":{},\"cpu_ms\":{:.2f},\"p50_ms\":{:.2f},"
        "\"p99_ms\":{:.2f},\"worst_ms\":{:.2f}}}\n",
        rounds, cpu * 1e3 / rounds, Quantile(0.5) * 1e3, Quantile(0.99) * 1e3,
        Quantile(1) * 1e3);
  }

  /// Keys that are there, one by one: through FindKey, and as a client asks.
  void ReadKeys(int count) {
    const auto table = Info();
    std::vector<double> find, rows;
    const double cpu = CpuSeconds();
    for (int i = 0; i < count; ++i) {
      const auto key = Maker::Key(Mix(static_cast<std::uint64_t>(i)) % maker_.created());
      auto begin = Steady::now();
      const auto found = warehouse_->FindKey("bench", key, Deadline::Never());
      find.push_back(Seconds(begin));
      const auto query = query::Parse("id=eq." + key, "bench", table.columns, "id");
      begin = Steady::now();
      const auto page = warehouse_->Rows(table, *query, Deadline::Never());
      rows.push_back(Seconds(begin));
      if (!found || !*found || !page || page->rows.size() != 1) Die("no key " + key);
    }
    std::ranges::sort(find);
    std::ranges::sort(rows);
    fmt::print(
        "{{\"keys\":{},\"cpu_ms_each\":{:.2f},\"find_p50_ms\":{:.2f},\"find_worst_ms\":{:"
        ".2f},\"rows_p50_ms\":{:"
        ".2f},"
        "\"rows_worst_ms\":{:.2f}}}\n",
        count, (CpuSeconds() - cpu) * 1e3 / (2.0 * count), find[find.size() / 2] * 1e3,
        find.back() * 1e3, rows[rows.size() / 2] * 1e3, rows.back() * 1e3);
  }

  void Read() {
    while (merging_) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const char* text : {"SELECT count(*) FROM bench",
                             "SELECT status, sum(amount) FROM bench GROUP BY 1",
                             "SELECT count(*), max(note), max(_version) FROM bench",
                             "SELECT * FROM bench WHERE id = 'x'",
                             "SELECT count(*), max(note) FROM bench WHERE customer "
                             "BETWEEN 500 AND 599"}) {
      const double before = CpuSeconds();
      const auto begin = Steady::now();
      const auto done = warehouse_->Query(text, Deadline::Never(),
                                          [](const sql::Batch&) { return true; });
      if (!done) Die(text + std::string(": ") + done.error().ToString());
      fmt::print(
          "{{\"query\":\"{}\",\"delta_rows\":{},\"cpu_seconds\":{:.3f},"
          "\"wall_seconds\":{:.3f}}}\n",
          text, Info().delta_rows, CpuSeconds() - before, Seconds(begin));
    }
  }

 private:
  /// On the merging thread.
  void Step(std::string_view step) {
    if (step == "frozen") merging_ = true;
    if (step == "after_checkpoint") merging_ = false;
    if (step == "swapped") step_begin_ = Steady::now();
    if (step == "swapped")
      swap_seconds_ = std::max(swap_seconds_.load(), Seconds(swap_begin_));
    if (step == "before_swap") swap_begin_ = Steady::now();
    if (step == "after_checkpoint") {
      checkpoint_seconds_ = std::max(checkpoint_seconds_.load(), Seconds(step_begin_));
    }
  }
  warehouse::TableInfo Info() {
    auto tables = warehouse_->Tables();
    if (!tables) Die(tables.error().ToString());
    return (*tables)[0];
  }
  double Quantile(double part) {
    std::ranges::sort(apply_seconds_);
    const auto last = static_cast<double>(apply_seconds_.size() - 1);
    return apply_seconds_[static_cast<std::size_t>(part * last)];
  }
  void Apply(const sql::Batch& batch) {
    const Offset next = offset_ + batch.rows();
    const auto begin = Steady::now();
    const auto applied =
        warehouse_->Apply("bench", batch, none_, offset_, {next, maker_.last()});
    if (!applied) Die(applied.error().ToString());
    apply_seconds_.push_back(Seconds(begin));
    offset_ = next;
  }

  Steady::time_point step_begin_, swap_begin_;
  std::atomic<bool> merging_ = false;
  std::atomic<double> swap_seconds_ = 0, checkpoint_seconds_ = 0;
  std::unique_ptr<warehouse::Warehouse> warehouse_;  ///< ends before what it calls
  Maker maker_;
  sql::Batch none_;
  Offset offset_ = 0;
  std::vector<double> apply_seconds_;
};

}  // namespace

int main(int argc, char** argv) {
  const fs::path dir = argc > 1 ? argv[1] : "/tmp/warehouse_bench";
  const int millions = argc > 2 ? std::atoi(argv[2]) : 4;
  const double ratio = argc > 3 ? std::atof(argv[3]) : 0.25;
  const auto min_rows = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 200'000;
  const auto memory_mib = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 256;
  if (fs::exists(dir / "warehouse.duckdb")) Die(dir.string() + " is in use");
  {
    Bench bench(dir, ratio, min_rows, memory_mib, argc > 6 ? argv[6] : "");
    for (int i = 1; i <= millions; ++i) bench.Million(i);
    bench.Read();
    bench.ReadKeys(50);
    bench.Pace(100);
  }
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  fmt::print("{{\"stored_mib\":{},\"cpu_seconds_with_making\":{:.2f}}}\n", bytes >> 20u,
             CpuSeconds());
  return 0;
}
