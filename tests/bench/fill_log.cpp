// Writes a backlog of change events into the log of a data directory, as capture would
// have: customers first, then orders, some of them updated later.
//
//   fill_log DATA --orders N [--updates PERCENT] [--customers K] [--after POSITION]
//            [--from FIRST] [--ndjson DIR]
//
// Keys are 16 hex digits of a hash, so that no order in them helps anybody; creates
// number FIRST and on. --ndjson writes the same events to DIR/orders.ndjson and
// DIR/customers.ndjson as well. Prints one line of JSON with the last position.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "change/envelope.hpp"
#include "eventlog_embedded/embedded_event_log.hpp"

namespace {

using namespace millrace;

constexpr std::size_t kBatchEvents = 5'000;
constexpr TimestampUs kFirstTime = 1'763'689'000'000'000;
constexpr std::string_view kSource = "records";

[[noreturn]] void Die(std::string_view what) {
  fmt::print(stderr, "fill_log: {}\n", what);
  std::exit(1);
}

struct Options {
  std::filesystem::path data, ndjson;
  std::uint64_t orders = 0, updates_percent = 0, customers = 0, after = 0, first = 0;
};

std::uint64_t Hash(std::uint64_t of) {  // splitmix64
  of += 0x9e3779b97f4a7c15u;
  of = (of ^ (of >> 30u)) * 0xbf58476d1ce4e5b9u;
  of = (of ^ (of >> 27u)) * 0x94d049bb133111ebu;
  return of ^ (of >> 31u);
}

/// One stream of the log, fed in batches.
class StreamWriter {
 public:
  StreamWriter(eventlog::EventLog& log, std::string name, const Options& options)
      : log_(log), name_(std::move(name)) {
    const auto last = log_.LastPosition({"", name_}, std::string(kSource));
    if (!last) Die(last.error().ToString());
    after_ = *last;
    if (options.ndjson.empty()) return;
    file_ = std::fopen((options.ndjson / (name_ + ".ndjson")).c_str(), "ae");
    if (file_ == nullptr) Die("cannot write to " + options.ndjson.string());
  }
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;
  ~StreamWriter() {
    Flush();
    if (file_ != nullptr) std::fclose(file_);
  }

  void Add(const change::Event& event) {
    change::AppendEnvelope(bytes_, event);
    ends_.push_back(bytes_.size());
    upto_ = {0, event.version.position};
    if (ends_.size() == kBatchEvents) Flush();
  }

  void Flush() {
    if (ends_.empty()) return;
    eventlog::EventBatch batch{{"", name_}, std::string(kSource), after_, upto_, {}};
    std::size_t begin = 0;
    for (const auto end : ends_) {
      batch.bodies.push_back(std::string_view(bytes_).substr(begin, end - begin));
      if (file_ != nullptr) {
        std::fwrite(bytes_.data() + begin, 1, end - begin, file_);
        std::fputc('\n', file_);
      }
      begin = end;
    }
    const auto next = log_.Append(batch, Deadline::Never());
    if (!next) Die(next.error().ToString());
    after_ = upto_;
    written_ += bytes_.size();
    bytes_.clear();
    ends_.clear();
  }

  std::uint64_t written() const { return written_; }

 private:
  eventlog::EventLog& log_;
  const std::string name_;
  std::FILE* file_ = nullptr;
  Position after_, upto_;
  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::uint64_t written_ = 0;
};

/// What is known of an order: enough to write its document again.
struct Order {
  std::uint64_t created = 0, updated = 0;  ///< positions
  std::uint32_t generation = 0;
};

/// Commits are 10 us apart.
TimestampUs TimeAt(std::uint64_t position) {
  return kFirstTime + static_cast<TimestampUs>(position) * 10;
}

Version VersionAt(std::uint64_t position) { return {0, position, 0}; }

void AppendSystem(std::string& out, std::uint64_t created, std::uint64_t updated) {
  out += ",\"_created_at\":\"";
  AppendTimestamp(out, TimeAt(created));
  out += "\",\"_updated_at\":\"";
  AppendTimestamp(out, TimeAt(updated));
  out += "\",\"_version\":\"";
  VersionAt(updated).AppendHex(out);
  out += "\"}";
}

std::string KeyOf(std::uint64_t order) { return fmt::format("{:016x}", Hash(order)); }

void WriteOrder(std::string& out, std::uint64_t number, const Order& order,
                std::uint64_t customers) {
  static constexpr std::string_view kStates[] = {"pending", "processing", "shipped",
                                                 "delivered"};
  const auto seed = Hash(number * 31 + order.generation);
  out.clear();
  fmt::format_to(std::back_inserter(out),
                 R"({{"order_id":"{:016x}","customer_id":"c{:06}","amount":"{}.{:02}",)"
                 R"("quantity":{},"status":"{}")",
                 Hash(number), Hash(number + 7) % (customers + customers / 50 + 1),
                 seed % 9000, seed / 9000 % 100, 1 + seed / 1'000'000 % 20,
                 kStates[order.generation % 4]);
  AppendSystem(out, order.created, order.updated);
}

change::Event MakeEvent(std::string_view collection, std::string_view key,
                        std::uint64_t position, std::string_view before,
                        std::string_view after) {
  change::Event event;
  event.before = before;
  event.after = after;
  event.source = kSource;
  event.collection = collection;
  event.key = key;
  event.op = before.empty() ? 'c' : 'u';
  event.operation = before.empty() ? "insert" : "update";
  event.committed_at = TimeAt(position);
  event.version = VersionAt(position);
  return event;
}

void WriteCustomers(eventlog::EventLog& log, const Options& options,
                    std::uint64_t& position) {
  StreamWriter writer(log, "customers", options);
  for (std::uint64_t i = 0; i < options.customers; ++i) {
    const auto key = fmt::format("c{:06}", i);
    ++position;
    auto document = fmt::format(
        R"({{"customer_id":"{}","name":"Customer {:x}","region":"region-{:02}")", key,
        Hash(i) % 0xffffffu, Hash(i) % 40);
    AppendSystem(document, position, position);
    writer.Add(MakeEvent("customers", key, position, {}, document));
  }
}

/// Of 100 events, `updates_percent` change an order of before.
std::uint64_t WriteOrders(eventlog::EventLog& log, const Options& options,
                          std::uint64_t& position, std::uint64_t& creates) {
  StreamWriter writer(log, "orders", options);
  std::vector<Order> known;
  std::string before, after;
  for (std::uint64_t i = 0; i < options.orders; ++i) {
    const auto dice = Hash(i ^ 0xabcdef);
    const bool update = !known.empty() && dice % 100 < options.updates_percent;
    const auto at = update ? dice / 100 % known.size() : known.size();
    ++position;
    before.clear();
    if (update) {
      WriteOrder(before, options.first + at, known[at], options.customers);
      known[at].updated = position;
      ++known[at].generation;
    } else {
      known.push_back({position, position, 0});
    }
    WriteOrder(after, options.first + at, known[at], options.customers);
    writer.Add(MakeEvent("orders", KeyOf(options.first + at), position, before, after));
  }
  writer.Flush();
  creates = known.size();
  return writer.written();
}

Options ParseArguments(int argc, char** argv) {
  if (argc < 2) Die("see the head of fill_log.cpp");
  Options options;
  options.data = argv[1];
  std::map<std::string_view, std::uint64_t*> numbers{
      {"--orders", &options.orders},
      {"--updates", &options.updates_percent},
      {"--customers", &options.customers},
      {"--after", &options.after},
      {"--from", &options.first}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--ndjson") {
      options.ndjson = argv[i + 1];
    } else if (numbers.contains(name)) {
      *numbers[name] = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      Die("unknown argument " + std::string(name));
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = ParseArguments(argc, argv);
  auto log = eventlog::OpenEmbedded({.directory = options.data / "log"});
  if (!log) Die(log.error().ToString());
  auto position = options.after;
  std::uint64_t creates = 0;
  WriteCustomers(**log, options, position);
  const auto bytes = WriteOrders(**log, options, position, creates);
  fmt::print(R"({{"position":{},"orders":{},"creates":{},"mean_event_bytes":{:.1f}}})"
             "\n",
             position, options.orders, creates,
             options.orders == 0
                 ? 0.0
                 : static_cast<double>(bytes) / static_cast<double>(options.orders));
  return 0;
}
