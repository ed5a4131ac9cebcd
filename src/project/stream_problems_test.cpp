#include <gmock/gmock.h>

#include "project_fixture.hpp"

namespace millrace::project {
namespace {

struct Case {
  std::string name;  ///< what is wrong
  std::string from, to;
  std::string problem;  ///< behind "file:"
};

class StreamProblems : public ProjectFixture {
 protected:
  void Check(const std::string& file, const std::vector<Case>& cases) {
    for (const auto& c : cases) {
      SCOPED_TRACE(c.name);
      WriteShop();
      Write("streams/clicks.yaml", "stream: clicks\nfields:\n  n: bigint\n");
      Replace(file, c.from, c.to);
      EXPECT_THAT(Problems(),
                  testing::ElementsAre(testing::StartsWith(file + ":" + c.problem)));
    }
  }
};

TEST_F(StreamProblems, OfStreams) {
  Check(
      "streams/clicks.yaml",
      {{"an id of its own", "fields:\n  n: bigint", "fields:\n  event_id: text",
        "3:3: event_id is there by itself: text, made when an event has none"},
       {"no fields", "fields:\n  n: bigint", "format: json",
        "1:1: a stream needs the key fields, such as {user_id: {type: text}} (or format: "
        "raw)"},
       {"fields of raw bytes", "fields:", "format: raw\nfields:",
        "4:3: a raw stream takes any bytes: its columns are event_id, payload and "
        "payload_bytes"},
       {"the name of a collection", "stream: clicks", "stream: Orders",
        "1:9: there is another collection or stream Orders in collections/orders.yaml"},
       {"the source of changes", "stream: clicks", "stream: records",
        "1:9: records is the source of all collections' changes: choose another name"},
       {"a long window", "fields:", "dedup: {window: 48h}\nfields:", "2:17: "}});
}

TEST_F(StreamProblems, OfPipelinesOverStreams) {
  Check("pipelines/orders_now.yaml",
        {{"no such stream", "changes: orders,", "stream: click,",
          "2:16: there is no stream click; did you mean clicks?"},
         {"a stream as a collection", "changes: orders,", "changes: clicks,",
          "2:17: there is no collection clicks; it is a stream: a pipeline reads it with "
          "from: {stream: clicks}"},
         {"a codec alone", "changes: orders,", "stream: clicks, codec: operation-data,",
          "2:31: codec and collection go together: {stream: orders_cdc, codec: "
          "operation-data, collection: orders}"},
         {"a codec over fields", "changes: orders,",
          "stream: clicks, codec: operation-data, collection: orders,",
          "2:31: a codec reads a raw stream (format: raw)"},
         {"a codec over changes", "changes: orders,",
          "changes: orders, codec: operation-data, collection: orders,",
          "2:32: a codec reads a raw stream (format: raw)"},
         {"a collection as a stream", "from: {changes: orders,", "from: {stream: orders,",
          "2:16: there is no stream orders; it is a collection: write changes: orders"}});
}

TEST_F(StreamProblems, OfASnapshotOfAStream) {
  WriteShop();
  Write("streams/clicks.yaml", "stream: clicks\nfields:\n  n: bigint\n");
  Replace("pipelines/orders_now.yaml", "from: {changes: orders, start: earliest}",
          "from: {stream: clicks, start: snapshot}");
  EXPECT_THAT(
      Problems(),
      testing::Contains(
          "pipelines/orders_now.yaml:2:31: start: snapshot begins with the records of a "
          "collection, and a stream has none: use earliest (every event the log holds) "
          "or latest"));
}

}  // namespace
}  // namespace millrace::project
