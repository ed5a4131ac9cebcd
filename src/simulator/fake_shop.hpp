#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "simulator/target.hpp"
#include "simulator/timetable.hpp"

namespace millrace::simulator {

/// A server in memory for tests: records in the order they were made, as texts. Reads the
/// flat objects that the simulators write, no other JSON.
class FakeShop : public Target {
 public:
  using Fields = std::map<std::string, std::string>;

  Status Send(const Write& write) override {
    if (refuse && refuse(write)) return Fail(ErrorCode::kInvalidArgument, "refused");
    if (write.kind == Write::Kind::kCreate && Exists(write)) {
      return Fail(ErrorCode::kConflict, "exists");
    }
    sent.push_back(write);
    auto& records = collections[write.place];
    const auto at = std::ranges::find(records, write.key, &Record::first);
    if (write.kind == Write::Kind::kCreate) {
      for (const auto& fields : ParseObjects(write.body)) {
        records.emplace_back(KeyOf(fields), fields);
      }
    } else if (write.kind == Write::Kind::kPatch && at != records.end()) {
      const auto patches = ParseObjects(write.body);
      for (const auto& [name, value] : patches.front()) at->second[name] = value;
    } else if (write.kind == Write::Kind::kDelete && at != records.end()) {
      records.erase(at);
    }
    return {};
  }

  Result<std::vector<Row>> Oldest(const Question& question) override {
    std::vector<Row> rows;
    for (const auto& [key, fields] : collections[question.collection]) {
      if (rows.size() == question.limit) break;
      if (!Fits(fields, question.filter)) continue;
      Row row;
      for (const auto& name : question.fields) row.push_back(fields.at(name));
      rows.push_back(std::move(row));
    }
    return rows;
  }

  Result<std::uint64_t> HighestNumber(const std::string& collection,
                                      const std::string& prefix) override {
    std::uint64_t highest = 0;
    for (const auto& [key, fields] : collections[collection]) {
      highest = std::max<std::uint64_t>(highest, std::stoull(key.substr(prefix.size())));
    }
    return highest;
  }

  /// [{"a":"b","c":1.5}] or one of them → texts.
  static std::vector<Fields> ParseObjects(const std::string& body) {
    std::vector<Fields> objects;
    for (std::size_t at = body.find('{'); at != std::string::npos;
         at = body.find('{', at)) {
      Fields fields;
      while (body[at] != '}') {
        const auto colon = body.find("\":", at);
        const std::string name = body.substr(at + 2, colon - at - 2);
        const auto value = colon + 2;
        const bool text = body[value] == '"';
        const auto end =
            text ? body.find('"', value + 1) + 1 : body.find_first_of(",}", value);
        fields[name] = text ? body.substr(value + 1, end - value - 2)
                            : body.substr(value, end - value);
        at = end;
      }
      objects.push_back(std::move(fields));
    }
    return objects;
  }

  using Record = std::pair<std::string, Fields>;
  std::map<std::string, std::vector<Record>> collections;
  std::vector<Write> sent;
  std::function<bool(const Write&)> refuse;

 private:
  static std::string KeyOf(const Fields& fields) {
    for (const char* name : {"id", "order_id", "customer_id"}) {
      if (fields.contains(name)) return fields.at(name);
    }
    return {};
  }
  bool Exists(const Write& write) {
    const auto objects = ParseObjects(write.body);
    const auto& records = collections[write.place];
    return std::ranges::any_of(objects, [&](const Fields& fields) {
      return std::ranges::find(records, KeyOf(fields), &Record::first) != records.end();
    });
  }
  /// "status=eq.x", "status=neq.x" and "status=in.(x,y)".
  static bool Fits(const Fields& fields, const std::string& filter) {
    if (filter.empty()) return true;
    const auto equal = filter.find('=');
    const auto& value = fields.at(filter.substr(0, equal));
    const auto rest = filter.substr(equal + 1);
    if (rest.starts_with("neq.")) return value != rest.substr(4);
    if (rest.starts_with("eq.")) return value == rest.substr(3);
    return ("," + rest.substr(4, rest.size() - 5) + ",").contains("," + value + ",");
  }
};

/// Does not wait; remembers what it was asked to wait for.
class FakePacer : public Pacer {
 public:
  bool WaitUntil(std::chrono::microseconds since_start) override {
    waits.push_back(since_start);
    return waits.size() <= stop_after;
  }
  std::vector<std::chrono::microseconds> waits;
  std::size_t stop_after = ~std::size_t{0};
};

class FixedClock : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  TimestampUs now = 1'795'230'000'000'000;
};

/// Runs for so much simulated time.
inline Summary RunFor(Timetable& timetable, Elapsed duration) {
  FakePacer pacer;
  RunOptions options;
  options.duration = duration;
  return RunTimetable(timetable, pacer, options, [](const std::string&, const Error&) {});
}

}  // namespace millrace::simulator
