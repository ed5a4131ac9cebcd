"""Where is my event? In the log, in a file, in a table, refused, or still on its way."""

import json
import sqlite3

import pytest

import millrace

ORDERS = "/api/collections/orders/records"
NOT_THERE = 5

THINGS = """
collection: things
key: id
fields:
  id: {type: integer, generate: sequence}
  n:  {type: integer}
"""
# Refuses, filters, fails, and starts late.
POSITIVE = """
pipeline: positive
from: {changes: things, start: earliest}
require: [n > 0]
sql: SELECT id, n, _version FROM changes WHERE n < 100
to:
  - table: {name: positive, key: id}
  - lake:  {path: deep/positive/, roll: {rows: 1000000, every: 200ms}}
"""
SLOW = """
pipeline: slow
from: {changes: things, start: earliest}
sql: SELECT id, n FROM changes
to:
  - lake: {path: slow/, roll: {rows: 1000000, every: 1h}}
"""
THINGS_URL = "/api/collections/things/records"


def trace(data, *args):
    return json.loads(millrace.run("trace", "--data", data, "--json", *args).stdout)["items"]


def sinks(item):
    return {sink["sink"]: sink for pipeline in item["pipelines"] for sink in pipeline["sinks"]}


@pytest.fixture
def things(tmp_path):
    return millrace.write_project(tmp_path / "things", {"things": THINGS}, {"positive": POSITIVE, "slow": SLOW})


def test_an_order_is_followed_from_its_request_to_file_and_row(server, data):
    order = server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 5})
    millrace.wait_drained(data)
    (item,) = trace(data, "o1")
    assert item["collection"] == "orders" and item["key"] == "o1" and item["operation"] == "insert"
    assert item["accepted_at"] == order.json["_updated_at"]
    assert item["log"] == {"state": "logged", "stream": "orders", "offset": 0}
    assert item["record"]["state"] == "newest" and item["record"]["version"] == order.json["_version"]
    found = sinks(item)
    assert found["table.orders"]["result"] == "row"
    assert found["table.orders"]["version"] == order.json["_version"]
    lake = found["lake.orders_history"]
    assert lake["result"] == "row" and lake["first_offset"] == 0 and lake["next_offset"] == 1
    assert lake["file"].endswith("/orders_history/part-0000-00000000000000000000.parquet")
    # The same by event id, by place, and with the collection's name.
    for args in [[item["event_id"]], ["orders@0"], ["orders/o1"], ["o1", "--collection", "orders"]]:
        assert trace(data, *args) == [item]
    text = millrace.run("trace", "o1", "--data", data).stdout
    assert "insert of orders/o1" in text and "orders, offset 0" in text and "row, the newest of its key" in text


def test_changes_and_deletes_supersede(server, data):
    first = server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 5}).json
    server.api.patch(f"{ORDERS}/o1", {"amount": 6})
    millrace.wait_drained(data)
    (newest,) = trace(data, "o1")
    assert newest["operation"] == "update" and newest["log"]["offset"] == 1
    (old,) = trace(data, f"records:00000000:{first['_version'][8:24]}")
    assert old["record"] == {"state": "changed", "version": newest["record"]["version"], "event_id": newest["event_id"]}
    assert sinks(old)["table.orders"]["result"] == "superseded"
    assert sinks(old)["table.orders"]["event_id"] == newest["event_id"]
    assert sinks(old)["lake.orders_history"]["result"] == "row"
    # A key that is no more is known by the table's tombstone.
    server.api.delete(f"{ORDERS}/o1")
    millrace.wait_drained(data)
    (gone,) = trace(data, "orders/o1")
    assert gone["operation"] == "delete" and gone["record"] == {"state": "deleted"}
    assert sinks(gone)["table.orders"]["result"] == "deleted"
    assert sinks(gone)["lake.orders_history"]["result"] == "row"


def test_refused_filtered_and_waiting_events_say_why(things, data):
    def check(look):
        ok, refused, filtered = (look(key)[0] for key in "123")
        assert {name: sink["result"] for name, sink in sinks(ok).items()} == {
            "table.positive": "row", "lake.deep_positive": "row", "lake.slow": "waiting"}
        for name in ("table.positive", "lake.deep_positive"):
            sink = sinks(refused)[name]
            assert sink["result"] == "dead_letter"
            (letter,) = sink["dead_letters"]
            assert letter["stage"] == "require" and "n > 0" in letter["reason"] and letter["attempts"] == 1
        assert sinks(filtered)["table.positive"]["result"] == "filtered"
        assert sinks(filtered)["lake.deep_positive"]["result"] == "no_row"

    with millrace.Server(things, data) as server:
        for n in (5, 0, 500):
            assert server.api.post(THINGS_URL, {"n": n}).status == 201
        millrace.wait_until(lambda: all(p["sinks"][i]["lag_events"] == 0 for p in millrace.status(data)
                                        for i in range(len(p["sinks"])) if p["pipeline"] == "positive"))
        check(lambda key: trace(data, key))
        assert sinks(trace(data, "1")[0])["lake.slow"]["state"] == "running"
        text = millrace.run("trace", "things/2", "--data", data).stdout
        assert "refused" in text and "dead letter of stage require" in text and "n > 0" in text
        server.kill()
    # Without the server: from the files, where the row of `slow` still waits.
    check(lambda key: trace(data, key))
    assert sinks(trace(data, "1")[0])["lake.slow"]["state"] == "not running"


def test_one_key_in_two_collections_is_two_events(server, data):
    server.api.post(ORDERS, {"order_id": "x", "customer_id": "x", "amount": 5})
    server.api.post("/api/collections/customers/records", {"customer_id": "x", "name": "Ada"})
    assert sorted(item["collection"] for item in trace(data, "x")) == ["customers", "orders"]
    assert [item["collection"] for item in trace(data, "customers/x")] == ["customers"]


def test_a_change_that_capture_has_not_brought_is_waiting(shop, data):
    # Stopped between the commit and capture: as after a crash there.
    with millrace.Server(shop, data) as server:
        server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 5})
        millrace.wait_drained(data)
        server.stop()
    with sqlite3.connect(data / "records.db") as db:
        db.execute("INSERT INTO changes SELECT 2, 'orders', '', 'o1', 1, 0, 1795228837002326, document, document FROM r_orders")
        db.execute("UPDATE store SET next_seq = 3")
        db.execute("UPDATE r_orders SET position = 2")
    db.close()
    (item,) = trace(data, "o1")
    assert item["log"] == {"state": "waiting", "stream": "orders"} and item["operation"] == "update"
    assert {sink["result"] for sink in sinks(item).values()} == {"waiting"}


def test_what_is_not_there_is_said(server, data):
    server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 5})
    millrace.wait_drained(data)
    for name, says in [("o2", "no record"), ("orders/o2", "in collection orders"), ("orders@7", "ends at offset 1"),
                       ("records:00000000:00000000000000ff", "no event"), ("other:00000000:0000000000000001", "no event")]:
        result = millrace.run("trace", name, "--data", data, check=False)
        assert result.returncode == NOT_THERE and says in result.stderr, result


def test_beyond_retention_the_rest_is_still_told(tmp_path, data):
    project = millrace.write_project(tmp_path / "p", {"things": THINGS.replace("n:  {type: integer}", "n: {type: text}")},
                                     {"all": "pipeline: all\nfrom: {changes: things}\nsql: SELECT id, n FROM changes\n"
                                             "to: [{table: {name: all_things, key: id}}]\n"})
    with millrace.Server(project, data, args=["--set", "log.segment_size=1MiB", "--set", "log.max_bytes=2MiB"]) as server:
        first = server.api.post(THINGS_URL, {"n": "first"}).json
        for _ in range(8):
            assert server.api.post(THINGS_URL, [{"n": "x" * 100_000}] * 10).status == 201
            millrace.wait_drained(data)  # or retention overtakes the sink
        (item,) = trace(data, "things/1")
        assert item["log"]["state"] == "gone" and item["record"]["state"] == "newest"
        assert sinks(item)["table.all_things"]["result"] == "row"
        assert sinks(item)["table.all_things"]["version"] == first["_version"]


def test_an_event_of_a_stream_is_found_by_its_id_and_its_place(tmp_path, data):
    project = millrace.write_project(tmp_path / "p", {}, {"clicks": "pipeline: clicks\nfrom: {stream: clicks}\nrequire: [page <> 'bad']\n"
                                                          "sql: SELECT page, _id FROM changes\n"
                                                          "to: [{lake: {path: clicks/, roll: {rows: 1000, every: 200ms}}}]\n"})
    (project / "streams").mkdir(exist_ok=True)
    (project / "streams" / "clicks.yaml").write_text("stream: clicks\nfields:\n  page: {type: text, required: true}\n")
    with millrace.Server(project, data) as server:
        for page in "abc":
            answer = server.api.post("/api/streams/clicks/events", {"page": page})
            assert answer.status == 201, answer
        millrace.wait_drained(data)
        (item,) = trace(data, "clicks@1")
        assert item["event_id"] == "clicks:00000000:0000000000000002"
        assert item["log"] == {"state": "logged", "stream": "clicks", "offset": 1} and "record" not in item
        assert sinks(item)["lake.clicks"]["result"] == "row"
        assert trace(data, item["event_id"]) == [item]
        # The key that a letter shows finds it; what nothing knows is told how to be asked for.
        server.api.post("/api/streams/clicks/events", {"page": "bad"})
        (letter,) = millrace.wait_until(lambda: millrace.dead_letters(data), what="a letter")
        (refused,) = trace(data, letter["key"])
        assert refused["log"]["offset"] == 3 and sinks(refused)["lake.clicks"]["result"] == "dead_letter"
        unknown = millrace.run("trace", "--data", data, "my-event-7", check=False)
        assert unknown.returncode == NOT_THERE and "STREAM@OFFSET" in unknown.stderr
