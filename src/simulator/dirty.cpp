#include "simulator/dirty.hpp"

#include <optional>

#include "json_object.hpp"

namespace millrace::simulator {
namespace {

constexpr TimestampUs kYear = 365LL * 24 * 3600 * 1'000'000;

/// An order with one thing wrong; a field that is nullopt is left out.
struct Order {
  std::optional<std::string> id, customer, status;
  std::optional<std::string> amount;    ///< JSON literal; the price of the orders shape
  std::optional<std::string> quantity;  ///< JSON literal; orders shape only
  TimestampUs created_at = 0;
};

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

void Members(JsonObject& out, const Order& order, Shape shape) {
  const auto text = [&out](std::string_view name,
                           const std::optional<std::string>& value) {
    if (value) out.Raw(name, *value == "null" ? "null" : Quoted(*value));
  };
  text("order_id", order.id);
  text("customer_id", order.customer);
  if (shape == Shape::kOrders) out.Text("product_id", "prod_7");
  if (order.quantity && shape == Shape::kOrders) out.Raw("quantity", *order.quantity);
  if (order.amount) out.Raw(shape == Shape::kOrders ? "price" : "amount", *order.amount);
  text("status", order.status);
}

std::string Iso(TimestampUs at) {
  std::string out;
  AppendTimestamp(out, at);
  return out;
}

/// "2026-11-21 07:00:05": the dates of the shop's wire.
std::string Plain(TimestampUs at) {
  std::string out = Iso(at - at % 1'000'000);
  out[10] = ' ';
  out.pop_back();
  return out;
}

/// The event that tells of `order` on the wire; `document`: it carries one.
std::string Event(const Order& order, Shape shape, std::string_view operation,
                  const std::string& document_id, bool document, TimestampUs at) {
  JsonObject event, body;
  if (shape == Shape::kOrders) {
    const std::string second = Iso(at - at % 1'000'000);
    event.Text("operationType", operation);
    event.Text("timestamp", second.substr(0, second.size() - 1) + ".000Z");
    event.Raw("ns", R"({"db":"etl-db","coll":"orders_source"})");
    event.Raw("documentKey", R"({"_id":)" + Quoted(document_id) + "}");
    body.Text("_id", document_id);
    Members(body, order, shape);
    body.Text("createdAt", Iso(order.created_at)).Text("updatedAt", Iso(at));
    body.Number("__v", 0);
    if (document) event.Raw("fullDocument", std::move(body).End());
    return std::move(event).End();
  }
  event.Text("operation", operation);
  event.Text("timestamp", Iso(at).substr(0, 19));
  event.Text("document_id", document_id);
  event.Text("collection", "orders");
  body.Text("_id", document_id);
  Members(body, order, shape);
  body.Text("created_at", Plain(order.created_at));
  event.Raw("data", document ? std::move(body).End() : "null");
  return std::move(event).End();
}

struct Context {
  Random& random;
  Shape shape;
  TimestampUs now;
  std::string collection, stream;

  Order Good() const {
    Order order;
    order.id = shape == Shape::kOrders ? random.Hex(24) : "DIRTY-" + random.Hex(12);
    order.customer = shape == Shape::kOrders
                         ? "cust_" + std::to_string(random.Below(100))
                         : "CUSTOMER-" + std::to_string(random.Between(1, 50));
    order.status = shape == Shape::kOrders ? "created" : "pending";
    order.amount = random.Money(1'000, 11'000);
    order.quantity = std::to_string(random.Between(1, 5));
    order.created_at = now;
    return order;
  }
  std::string DocumentId(const Order& order) const {
    return shape == Shape::kOrders ? random.Hex(24) : order.id.value_or(random.Hex(12));
  }
  Write Append(std::string body) const {
    return {Write::Kind::kAppend, stream, "", std::move(body)};
  }
  Write Wire(const Order& order, std::string_view operation = "insert",
             bool document = true) const {
    return Append(Event(order, shape, operation, DocumentId(order), document, now));
  }
  Write Create(const Order& order) const {
    JsonObject body;
    Members(body, order, shape);
    if (shape == Shape::kShop) body.Time("created_at", order.created_at);
    return {Write::Kind::kCreate, collection, "", std::move(body).End()};
  }
};

/// Takes a good order and spoils it.
template <typename Spoil>
Write Spoiled(const Context& context, bool into_collection, Spoil spoil) {
  Order order = context.Good();
  spoil(order);
  return into_collection ? context.Create(order) : context.Wire(order);
}

struct Kind {
  std::string_view name;
  std::vector<Write> (*make)(const Context&);
};

const Kind kKinds[] = {
    {"not JSON", [](const Context& c) { return std::vector{c.Append("not json")}; }},
    {"truncated JSON",
     [](const Context& c) {
       const auto whole = c.Wire(c.Good()).body;
       return std::vector{c.Append(whole.substr(0, whole.size() / 2))};
     }},
    {"not UTF-8",
     [](const Context& c) {
       auto body = c.Wire(c.Good()).body;
       body.insert(body.find("insert"), "\xff\xfe");
       return std::vector{c.Append(std::move(body))};
     }},
    {"unknown operation",
     [](const Context& c) { return std::vector{c.Wire(c.Good(), "dropDatabase")}; }},
    {"null order id",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.id = "null"; })};
     }},
    {"missing order id",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.id.reset(); })};
     }},
    {"blank order id",  // not in the collection: there no two could have it
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.id = " "; })};
     }},
    {"null customer",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.customer = "null"; })};
     }},
    {"blank customer",
     [](const Context& c) {
       return std::vector{Spoiled(c, true, [](Order& o) { o.customer = " "; })};
     }},
    {"unknown status",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.status = "lost"; })};
     }},
    {"no status, no amount",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) {
         o.status.reset();
         o.amount.reset();
       })};
     }},
    {"negative amount",
     [](const Context& c) {
       return std::vector{Spoiled(c, true, [](Order& o) { o.amount = "-5.25"; })};
     }},
    {"amount is text",
     [](const Context& c) {
       return std::vector{Spoiled(c, false, [](Order& o) { o.amount = R"("12 EUR")"; })};
     }},
    {"date to come",
     [](const Context& c) {
       return std::vector{
           Spoiled(c, c.shape == Shape::kShop, [](Order& o) { o.created_at += kYear; })};
     }},
    {"id over 50 characters",
     [](const Context& c) {
       return std::vector{
           Spoiled(c, true, [](Order& o) { o.id = *o.id + *o.id + *o.id; })};
     }},
    {"sent twice",
     [](const Context& c) {
       const auto event = c.Wire(c.Good());
       return std::vector{event, event};
     }},
    {"update without document",
     [](const Context& c) { return std::vector{c.Wire(c.Good(), "update", false)}; }},
    {"delete without document",
     [](const Context& c) { return std::vector{c.Wire(c.Good(), "delete", false)}; }},
};

}  // namespace

DirtyInput::DirtyInput(std::uint64_t seed, Target& target, const Clock& clock,
                       DirtyOptions options)
    : random_(seed), target_(target), clock_(clock), options_(std::move(options)) {}

void DirtyInput::Schedule(Timetable& timetable) {
  timetable.Every(options_.every, [this] { return Next(); });
}

std::vector<std::string_view> DirtyInput::Kinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

Done DirtyInput::Next() {
  const Kind& kind = kKinds[next_++ % std::size(kKinds)];
  const Context context{random_, options_.shape, clock_.Now(), options_.collection,
                        options_.stream};
  Done done{"dirty: " + std::string(kind.name), {}};
  for (const Write& write : kind.make(context)) {
    if (done.status) done.status = target_.Send(write);
  }
  return done;
}

}  // namespace millrace::simulator
