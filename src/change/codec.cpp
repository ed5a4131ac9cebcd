#include "change/codec.hpp"

#include <array>
#include <charconv>

#include "base/json.hpp"
#include "foreign_document.hpp"

namespace millrace::change {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;

struct Operation {
  std::string_view name;
  char op;
};
constexpr std::array<Operation, 4> kOperations = {
    {{"insert", 'c'}, {"update", 'u'}, {"replace", 'u'}, {"delete", 'd'}}};

Error Bad(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Status ReadOperation(simdjson::dom::object event, const char* member,
                     ForeignChange& change) {
  const std::string expected =
      std::string(member) + ": expected insert, update, replace or delete";
  std::string_view text;
  if (event[member].get(text) != simdjson::SUCCESS) return Fail(Bad(expected));
  for (const Operation& operation : kOperations) {
    if (operation.name != text) continue;
    change.op = operation.op;
    change.operation = operation.name;
    return {};
  }
  return Fail(Bad(expected + ", found " + std::string(text.substr(0, 40))));
}

/// An absent or null time is no fault.
Status ReadTime(simdjson::dom::object event, ForeignChange& change) {
  simdjson::dom::element value;
  if (event["timestamp"].get(value) != simdjson::SUCCESS || value.is_null()) return {};
  std::string_view text;
  static_cast<void>(value.get(text));
  const auto at = ParseForeignTime(text);
  if (!at) return Fail(Bad("timestamp: expected a time such as 2026-11-21T07:00:05Z"));
  change.at = *at;
  change.order = OrderOf(*at);
  return {};
}

/// 2026-11-21T07:00:05.123Z
void AppendMilliseconds(std::string& out, TimestampUs at) {
  const TimestampUs ms = (at % kUsPerSecond + kUsPerSecond) % kUsPerSecond / 1'000;
  std::string text;
  AppendTimestamp(text, at - ((at % kUsPerSecond) + kUsPerSecond) % kUsPerSecond);
  out += text.substr(0, text.size() - 1);
  const std::string digits = std::to_string(1'000 + ms);
  out += '.' + digits.substr(1) + 'Z';
}

/// 2026-11-21T07:00:05[.123456]: Python's isoformat().
void AppendIsoWithoutZone(std::string& out, TimestampUs at) {
  AppendTimestamp(out, at);
  out.pop_back();
}

/// 2026-11-21 07:00:05[.123456]
void AppendPlain(std::string& out, TimestampUs at) {
  const auto from = out.size();
  AppendIsoWithoutZone(out, at);
  out[out.find('T', from)] = ' ';
}

Status CheckImage(const Event& event) {
  if (!event.image().empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, "the event has no document");
}

std::string_view OperationOf(const Event& event) {
  return event.op == 'r' ? "insert" : event.operation;
}

class MongodbChangeStream : public Codec {
 public:
  explicit MongodbChangeStream(const schema::Collection& collection)
      : document_(collection) {}

  Status Encode(std::string& out, const Event& event) const override {
    MR_CHECK_OK(CheckImage(event));
    const TimestampUs second = event.committed_at - event.committed_at % kUsPerSecond;
    out += "{\"operationType\":";
    AppendJsonString(out, OperationOf(event));
    out += ",\"timestamp\":\"";
    AppendMilliseconds(out, second);
    out += R"(","clusterTimeRaw":{"$timestamp":")";
    AppendUint(out, (static_cast<std::uint64_t>(second / kUsPerSecond) << 32U) |
                        (event.version.position & 0xffffffffU));
    out += R"("},"ns":{"db":)";
    AppendJsonString(out, event.tenant.empty() ? "millrace" : event.tenant);
    out += ",\"coll\":";
    AppendJsonString(out, event.collection);
    out += R"(},"documentKey":{"_id":)";
    AppendJsonString(out, event.key);
    out += '}';
    if (event.operation == "update") {
      out += ",\"updateDescription\":";
      document_.AppendDifference(out, event.before, event.after, AppendMilliseconds);
    }
    out += event.op == 'd' ? ",\"fullDocumentBeforeChange\":{" : ",\"fullDocument\":{";
    document_.AppendMembers(out, event, event.image(), AppendMilliseconds);
    out += ",\"__v\":0}}";
    return {};
  }

  Result<ForeignChange> Decode(std::string_view payload) override {
    MR_TRY(const auto event, ParseObject(parser_, payload));
    ForeignChange change;
    MR_CHECK_OK(ReadOperation(event, "operationType", change));
    MR_CHECK_OK(ReadTime(event, change));
    MR_CHECK_OK(ReadClusterTime(event, change));
    std::string_view id;
    simdjson::dom::element value;
    if (event["documentKey"]["_id"].get(value) == simdjson::SUCCESS) id = IdText(value);
    const char* member = change.op == 'd' ? "fullDocumentBeforeChange" : "fullDocument";
    simdjson::dom::object document;
    if (event[member].get(document) != simdjson::SUCCESS) {
      return Fail(Bad(std::string(member) + ": missing" + WhyMissing(change)));
    }
    MR_CHECK_OK(document_.Read(document, id, change));
    return change;
  }

 private:
  static std::string WhyMissing(const ForeignChange& change) {
    if (change.op == 'd') return " (does the source keep pre-images?)";
    return change.operation == "update" ? " (gone before it was looked up?)" : "";
  }
  static Status ReadClusterTime(simdjson::dom::object event, ForeignChange& change) {
    simdjson::dom::element value;
    if (event["clusterTimeRaw"].get(value) != simdjson::SUCCESS || value.is_null())
      return {};
    std::string_view text;
    std::uint64_t time = 0;
    if (value["$timestamp"].get(text) == simdjson::SUCCESS) {
      const std::string digits(text);
      const char* end = digits.data() + digits.size();
      const auto [rest, error] = std::from_chars(digits.data(), end, time);
      if (error == std::errc() && rest == end) {
        change.order = time;
        return {};
      }
    }
    return Fail(Bad(R"(clusterTimeRaw: expected {"$timestamp": "<digits>"})"));
  }

  const ForeignDocument document_;
  simdjson::dom::parser parser_;
};

class OperationData : public Codec {
 public:
  explicit OperationData(const schema::Collection& collection) : document_(collection) {}

  Status Encode(std::string& out, const Event& event) const override {
    MR_CHECK_OK(CheckImage(event));
    out += "{\"operation\":";
    AppendJsonString(out, OperationOf(event));
    out += ",\"timestamp\":\"";
    AppendIsoWithoutZone(out, event.committed_at);
    out += "\",\"document_id\":";
    AppendJsonString(out, event.key);
    out += ",\"collection\":";
    AppendJsonString(out, event.collection);
    out += ",\"data\":";
    if (event.op == 'd') {
      out += "null}";
      return {};
    }
    out += '{';
    document_.AppendMembers(out, event, event.image(), AppendPlain);
    out += "}}";
    return {};
  }

  Result<ForeignChange> Decode(std::string_view payload) override {
    MR_TRY(const auto event, ParseObject(parser_, payload));
    ForeignChange change;
    MR_CHECK_OK(ReadOperation(event, "operation", change));
    MR_CHECK_OK(ReadTime(event, change));
    std::string_view id;
    static_cast<void>(event["document_id"].get(id));
    simdjson::dom::object data;
    if (event["data"].get(data) == simdjson::SUCCESS) {
      MR_CHECK_OK(document_.Read(data, id, change));
      return change;
    }
    if (change.op != 'd') {
      return Fail(Bad("data: missing (gone before it was looked up?)"));
    }
    if (id.empty()) return Fail(Bad("document_id: missing"));
    MR_CHECK_OK(document_.ReadKeyOnly(id, change));
    return change;
  }

 private:
  const ForeignDocument document_;
  simdjson::dom::parser parser_;
};

}  // namespace

const std::vector<std::string_view>& CodecNames() {
  static const std::vector<std::string_view> names = {"mongodb-change-stream",
                                                      "operation-data"};
  return names;
}

Result<std::unique_ptr<Codec>> MakeCodec(std::string_view name,
                                         const schema::Collection& collection) {
  if (name == CodecNames()[0]) return std::make_unique<MongodbChangeStream>(collection);
  if (name == CodecNames()[1]) return std::make_unique<OperationData>(collection);
  std::string message = "there is no codec " + std::string(name) + "; there are";
  for (const auto known : CodecNames()) message += ' ' + std::string(known);
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace millrace::change
