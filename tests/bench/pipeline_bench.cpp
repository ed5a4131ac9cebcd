// What a pipeline costs by itself: a log filled by fill_log, one lookup, a sink that
// drops its rows. Prints one line of JSON with CPU seconds per million events.
//
//   bench_pipeline DATA clean|failing|plain
//
// "failing" makes the SQL fail for one row of a hundred, thinly spread; "clean" runs the
// same expressions without a failure; "plain" has no expressions.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "cpu_seconds.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"
#include "pipeline/compile.hpp"
#include "pipeline/no_records.hpp"
#include "pipeline/pipelines.hpp"

namespace {

using namespace millrace;

[[noreturn]] void Die(std::string_view what) {
  fmt::print(stderr, "bench_pipeline: {}\n", what);
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result) Die(result.error().ToString());
  return std::move(*result);
}

class NullSink final : public pipeline::Sink {
 public:
  Result<std::optional<Offset>> Open(const schema::Columns&) override {
    return std::nullopt;
  }
  Status Start(Offset first) override {
    committed_ = first;
    return {};
  }
  Status Write(pipeline::SinkBatch batch) override {
    rows += batch.rows.rows();
    committed_ = batch.next;
    return {};
  }
  std::optional<Offset> Stored() override { return committed(); }
  Offset committed() const override { return committed_; }
  std::optional<std::chrono::steady_clock::time_point> due() const override {
    return std::nullopt;
  }
  Status Flush() override { return {}; }
  inline static std::uint64_t rows = 0;

 private:
  Offset committed_ = 0;
};

schema::Field FieldOf(const char* name, const char* type, bool required = false) {
  schema::Field field;
  field.name = name;
  field.type = Must(schema::Type::Parse(type));
  field.required = required;
  return field;
}

std::map<std::string, schema::Collection, std::less<>> Collections() {
  schema::Collection orders, customers;
  orders.name = "orders";
  orders.key = "order_id";
  orders.fields = {FieldOf("order_id", "text"), FieldOf("customer_id", "text", true),
                   FieldOf("amount", "decimal(10,2)", true),
                   FieldOf("quantity", "integer", true), FieldOf("status", "text")};
  customers.name = "customers";
  customers.key = "customer_id";
  customers.fields = {FieldOf("customer_id", "text"), FieldOf("name", "text", true),
                      FieldOf("region", "text")};
  return {{"orders", orders}, {"customers", customers}};
}

project::Pipeline Definition(std::string_view mode) {
  project::Pipeline pipeline;
  pipeline.name = "bench";
  pipeline.collection = "orders";
  pipeline.lookups = {
      {"customers", "customers", {{"customer_id", "customer_id"}}, false, 10'000, {}}};
  const std::string wrong = mode == "failing" ? "x" : "7";
  const std::string extra =
      mode == "plain" ? ""
                      : ", CASE WHEN c.amount::INTEGER % 100 = 7 THEN '" + wrong +
                            "' ELSE c.quantity::VARCHAR END::INTEGER AS number";
  pipeline.sql.text =
      "SELECT c.order_id, c.customer_id, customers.name AS customer_name, "
      "customers.region AS region, c.amount, c.quantity, c.status, "
      "c._created_at AS created_at" +
      extra +
      " FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id";
  pipeline.sinks.push_back({"lake.null", project::LakeSink{}, {}, {}});
  return pipeline;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) Die("see the head of pipeline_bench.cpp");
  const std::filesystem::path data = argv[1];
  const auto state_path = data / "bench";
  std::filesystem::remove_all(state_path);
  std::filesystem::create_directories(state_path);
  const auto log = Must(eventlog::OpenEmbedded({.directory = data / "log"}));
  const auto engine = Must(sql::Engine::Open({}));
  const auto state = Must(pipeline::StateDb::Open(state_path));
  telemetry::Logger logger;
  telemetry::Registry metrics;
  change::CompleteMark mark;
  mark.Raise({~0u, ~0ull});
  auto compiled = pipeline::CompilePipeline(Definition(argv[2]), Collections(), *engine);
  if (!compiled) Die(project::Format(compiled.error().front()));
  std::vector<pipeline::CompiledPipeline> pipelines;
  pipelines.push_back(std::move(*compiled));
  pipeline::NoRecords records;
  pipeline::Snapshots snapshots(records, "", *log);
  pipeline::Pipelines runner(std::move(pipelines),
                             {*log, *log, mark, *engine, *state, logger, metrics,
                              SystemClock(), state_path, snapshots});
  const double before = CpuSeconds();
  const auto status =
      Must(runner.Run("bench", {}, [](const auto&, const auto&, const auto&, auto) {
        return Result<std::unique_ptr<pipeline::Sink>>(std::make_unique<NullSink>());
      }));
  const double cpu = CpuSeconds() - before;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      R"({{"mode":"{}","state":"{}","events":{},"rows":{},"dead_letters":{},)"
      R"("lookup_misses":{},"cpu_s":{:.3f},"cpu_s_per_million":{:.3f},"rss_mb":{}}})"
      "\n",
      argv[2], status.state, status.position, NullSink::rows, status.dead_letters,
      status.lookups[0].misses, cpu, cpu * 1e6 / static_cast<double>(status.position),
      usage.ru_maxrss / 1024);
  return status.state == "done" ? 0 : 1;
}
