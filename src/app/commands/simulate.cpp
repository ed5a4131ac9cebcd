#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "../exit_codes.hpp"
#include "../http_target.hpp"
#include "../server_address.hpp"
#include "../signals.hpp"
#include "base/json.hpp"
#include "checks.hpp"
#include "command.hpp"
#include "send_flags.hpp"
#include "simulator/bulk.hpp"
#include "simulator/dirty.hpp"
#include "simulator/orders.hpp"
#include "simulator/shop.hpp"

namespace millrace::app {
namespace {

using simulator::Shape;
using simulator::Write;
using Steady = std::chrono::steady_clock;

struct SimulateFlags {
  std::string url = "http://127.0.0.1:8080";
  std::string key_file;
  std::uint64_t seed = 0;
  std::uint32_t retry_seconds = 10;
  bool json = false;
  bool quiet = false;
};

struct LiveFlags : SimulateFlags {
  Shape shape = Shape::kOrders;
  std::string speed = "1x";
  double rate = 0;
  std::uint64_t count = 0;
  std::string duration;
  std::string delete_every;
  bool dirty = false;
  std::string dirty_every = "5s";
  std::string stream = "orders_cdc";
};

struct SeedFlags : SimulateFlags {
  bool clear = false;
};

struct BulkFlags : SimulateFlags {
  std::string shape = "shop";
  std::uint64_t rows = 1'000'000;
  std::uint64_t batch = 1'000;
  std::uint32_t connections = 4;
};

void AddFlags(CLI::App& command, SimulateFlags& flags) {
  AddUrlFlag(command, flags.url);
  AddKeyFlag(command, flags.key_file);
  command
      .add_option("--seed", flags.seed,
                  "the same number gives the same data (without it: any)")
      ->check(WholeNumber(0));
  command
      .add_option("--retry-seconds", flags.retry_seconds,
                  "how long one operation is repeated while there is no clear answer; so "
                  "long a server is waited for")
      ->check(WholeNumber(0, kLongestRetrySeconds))
      ->capture_default_str();
  command.add_flag("--json", flags.json, "the summary as one JSON line");
  command.add_flag("--quiet", flags.quiet, "nothing on stderr");
}

std::uint64_t SeedOf(const SimulateFlags& flags, const CLI::App& command) {
  if (command.count("--seed") > 0) return flags.seed;
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

Result<HttpTarget> Connect(const SimulateFlags& flags) {
  MR_TRY(auto server, ServerAt(flags.url, flags.key_file));
  std::random_device device;
  HttpTarget target(std::move(server),
                    fmt::format("simulate-{:08x}{:08x}", device(), device()),
                    std::chrono::seconds(flags.retry_seconds));
  // Known at once, rather than by a thousand failed operations.
  MR_CHECK_OK(target.Connect([&flags](const Error& error) {
    if (flags.quiet) return;
    fmt::print(stderr, "{}; waiting up to {} s\n", error.message(), flags.retry_seconds);
  }));
  return target;
}

/// Real time, until Ctrl-C or SIGTERM.
class SignalPacer : public simulator::Pacer {
 public:
  explicit SignalPacer(StopSignals& signals) : signals_(signals) {}
  bool WaitUntil(std::chrono::microseconds since_start) override {
    using std::chrono::milliseconds;
    const auto left =
        std::chrono::ceil<milliseconds>(started_ + since_start - Steady::now());
    return !signals_.Wait(std::max(left, milliseconds(0)));
  }
  double seconds() const {
    return std::chrono::duration<double>(Steady::now() - started_).count();
  }

 private:
  StopSignals& signals_;
  const Steady::time_point started_ = Steady::now();
};

int Print(const simulator::Summary& summary, bool json) {
  fmt::print("{}", json ? summary.ToJson() + "\n" : summary.ToText());
  return summary.failed == 0 ? kOk : kFailed;
}

// ---- orders, shop: live ----

Result<simulator::RunOptions> RunOptionsOf(const LiveFlags& flags) {
  simulator::RunOptions options;
  MR_TRY(options.speed, ParseSpeed(flags.speed));
  options.rate = flags.rate;
  if (flags.count > 0) options.count = flags.count;
  if (!flags.duration.empty()) {
    MR_TRY(options.duration, ParseDuration(flags.duration));
  }
  return options;
}

Result<simulator::OrdersOptions> OrdersOptionsOf(const LiveFlags& flags) {
  simulator::OrdersOptions options;
  if (!flags.delete_every.empty()) {
    MR_TRY(options.delete_every, ParseDuration(flags.delete_every));
  }
  return options;
}

Result<simulator::DirtyOptions> DirtyOptionsOf(const LiveFlags& flags) {
  simulator::DirtyOptions options;
  options.shape = flags.shape;
  options.collection = flags.shape == Shape::kOrders
                           ? simulator::OrdersOptions{}.collection
                           : simulator::ShopNames{}.orders;
  options.stream = flags.stream;
  MR_TRY(options.every, ParseDuration(flags.dirty_every));
  return options;
}

Result<int> RunLive(const LiveFlags& flags, std::uint64_t seed) {
  MR_TRY(const auto options, RunOptionsOf(flags));
  MR_TRY(const auto orders_options, OrdersOptionsOf(flags));
  MR_TRY(const auto dirty_options, DirtyOptionsOf(flags));
  MR_TRY(auto target, Connect(flags));
  StopSignals signals;  // only now: while a server is waited for, Ctrl-C ends it at once
  simulator::Timetable timetable;
  simulator::OrdersSimulator orders(seed, target, orders_options);
  simulator::ShopGenerator shop(seed, target, SystemClock());
  // Numbers of its own: what is clean stays the same with and without it.
  simulator::DirtyInput dirty(~seed, target, SystemClock(), dirty_options);
  if (flags.shape == Shape::kOrders) {
    orders.Schedule(timetable);
  } else {
    shop.Schedule(timetable);
  }
  if (flags.dirty) dirty.Schedule(timetable);
  if (!flags.quiet) fmt::print(stderr, "seed {}; Ctrl-C ends\n", seed);
  SignalPacer pacer(signals);
  auto summary = simulator::RunTimetable(
      timetable, pacer, options, [&](const std::string& what, const Error& error) {
        if (!flags.quiet) fmt::print(stderr, "{}: {}\n", what, error.message());
      });
  summary.seconds = pacer.seconds();
  return Print(summary, flags.json);
}

// ---- seed ----

Status DeleteAll(simulator::Target& target, const std::string& collection,
                 const std::string& key, bool clear) {
  for (;;) {
    MR_TRY(const auto rows, target.Oldest({collection, "", {key}}));
    if (rows.empty()) return {};
    if (!clear) {
      return Fail(ErrorCode::kConflict,
                  collection + " holds records; --clear deletes all of them first");
    }
    for (const auto& row : rows) {
      MR_CHECK_OK(target.Send({Write::Kind::kDelete, collection, row.front()}));
    }
  }
}

Result<int> RunSeed(const SeedFlags& flags, std::uint64_t seed) {
  MR_TRY(auto target, Connect(flags));
  const simulator::ShopNames names;
  const auto started = Steady::now();
  MR_CHECK_OK(DeleteAll(target, names.orders, "order_id", flags.clear));
  MR_CHECK_OK(DeleteAll(target, names.customers, "customer_id", flags.clear));
  const simulator::ShopSeeder seeder(seed, SystemClock(), names);
  for (const Write& write : seeder.writes()) MR_CHECK_OK(target.Send(write));
  simulator::Summary summary;
  summary.operations = {{names.customers, simulator::ShopSeeder::kCustomers},
                        {names.orders, seeder.orders()}};
  summary.accepted = simulator::ShopSeeder::kCustomers + seeder.orders();
  summary.seconds = std::chrono::duration<double>(Steady::now() - started).count();
  return Print(summary, flags.json);
}

// ---- bulk ----

/// Batches handed out to one thread a connection.
class BulkRun {
 public:
  BulkRun(const simulator::BulkOrders& bulk, std::string collection)
      : bulk_(bulk), collection_(std::move(collection)) {}

  Status Run(const BulkFlags& flags) {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < flags.connections; ++i) {
      threads.emplace_back([this, &flags] { Keep(Work(flags)); });
    }
    for (auto& thread : threads) thread.join();
    return failure_;
  }
  std::uint64_t rows() const { return rows_; }

 private:
  Status Work(const BulkFlags& flags) {
    MR_TRY(auto target, Connect(flags));
    for (std::uint64_t batch = next_++; batch < bulk_.batches(); batch = next_++) {
      MR_CHECK_OK(
          target.Send({Write::Kind::kCreate, collection_, "", bulk_.Body(batch)}));
      rows_ += bulk_.RowsOf(batch);
    }
    return {};
  }
  /// The first failure ends all.
  void Keep(Status status) {
    if (status) return;
    const std::lock_guard lock(mutex_);
    if (failure_) failure_ = std::move(status);
    next_ = bulk_.batches();
  }

  const simulator::BulkOrders& bulk_;
  const std::string collection_;
  std::atomic<std::uint64_t> next_ = 0, rows_ = 0;
  std::mutex mutex_;
  Status failure_;
};

Result<int> RunBulk(const BulkFlags& flags, std::uint64_t seed) {
  const bool shop = flags.shape == "shop";
  const std::string collection =
      shop ? simulator::ShopNames{}.orders : simulator::OrdersOptions{}.collection;
  MR_TRY(auto target, Connect(flags));
  std::uint64_t first = 1;
  if (shop) {
    MR_TRY(first, target.HighestNumber(collection, "ORDER-"));
    ++first;
  }
  const simulator::BulkOrders bulk(seed, shop ? Shape::kShop : Shape::kOrders, flags.rows,
                                   flags.batch, first, SystemClock());
  BulkRun run(bulk, collection);
  const auto started = Steady::now();
  const Status done = run.Run(flags);
  const double seconds = std::chrono::duration<double>(Steady::now() - started).count();
  const double rate = static_cast<double>(run.rows()) / seconds;
  fmt::print(
      fmt::runtime(flags.json
                       ? "{{\"rows\":{},\"seconds\":{:.3f},\"rows_per_second\":{:.0f}}}\n"
                       : "{} rows in {:.1f} s ({:.0f} rows/s)\n"),
      run.rows(), seconds, rate);
  if (!done) return std::unexpected(done.error());
  return kOk;
}

template <typename Flags>
CLI::App* AddSubcommand(CLI::App& simulate, const char* name, const char* help,
                        const std::shared_ptr<Flags>& flags,
                        Result<int> (*work)(const Flags&, std::uint64_t),
                        Action& action) {
  auto* command = simulate.add_subcommand(name, help);
  AddFlags(*command, *flags);
  command->callback([flags, work, command, &action] {
    action = [flags, work, command] {
      const auto code = work(*flags, SeedOf(*flags, *command));
      return code ? *code : Report(code.error());
    };
  });
  return command;
}

void AddLiveFlags(CLI::App& command, LiveFlags& flags) {
  auto* speed = command.add_option("--speed", flags.speed,
                                   "time runs so many times faster, such as 60x");
  speed->check(SpeedFactor())->capture_default_str();
  command
      .add_option("--rate", flags.rate,
                  "operations a second, instead of the time between them")
      ->check(RateNumber(false))
      ->excludes(speed);
  command.add_option("--count", flags.count, "end after so many operations")
      ->check(WholeNumber(1));
  command
      .add_option("--for", flags.duration,
                  "end after so much simulated time, such as 10m")
      ->check(DurationText(true));
  command.add_flag("--dirty", flags.dirty,
                   "bad input as well, every kind in turn: what the collection would "
                   "refuse goes into the stream");
  command
      .add_option("--dirty-every", flags.dirty_every,
                  "simulated time between two of them")
      ->check(DurationText(false))
      ->capture_default_str();
  command.add_option("--stream", flags.stream, "raw stream for dirty events")
      ->capture_default_str();
}

}  // namespace

void AddSimulateCommands(CLI::App& app, Action& action) {
  auto* simulate = app.add_subcommand("simulate", "make data on a running server");
  simulate->require_subcommand(1);

  auto orders = std::make_shared<LiveFlags>();
  auto* command = AddSubcommand(*simulate, "orders",
                                "online orders that live (the example orders-lake)",
                                orders, RunLive, action);
  AddLiveFlags(*command, *orders);
  command
      ->add_option("--delete-every", orders->delete_every,
                   "simulated time between deletes (0s: none; without it 20 to 30 s)")
      ->check(DurationText(true));

  auto shop = std::make_shared<LiveFlags>();
  shop->shape = Shape::kShop;
  command = AddSubcommand(*simulate, "shop",
                          "customers and orders that live (the example orders-warehouse)",
                          shop, RunLive, action);
  AddLiveFlags(*command, *shop);

  auto seed = std::make_shared<SeedFlags>();
  command = AddSubcommand(*simulate, "seed", "50 customers with 1 to 5 orders each", seed,
                          RunSeed, action);
  command->add_flag("--clear", seed->clear, "delete all customers and orders first");

  auto bulk = std::make_shared<BulkFlags>();
  command = AddSubcommand(*simulate, "bulk", "many orders at once, with rows a second",
                          bulk, RunBulk, action);
  command->add_option("--shape", bulk->shape, "whose orders")
      ->check(CLI::IsMember({"orders", "shop"}))
      ->capture_default_str();
  command->add_option("--rows", bulk->rows, "how many")
      ->check(WholeNumber(1, 1'000'000'000'000))
      ->capture_default_str();
  command->add_option("--batch", bulk->batch, "rows of one request")
      ->check(WholeNumber(1, 10'000))
      ->capture_default_str();
  command->add_option("--connections", bulk->connections, "connections")
      ->check(WholeNumber(1, 64))
      ->capture_default_str();
}

}  // namespace millrace::app
