"""From the request to the lake and the table."""

import millrace

ORDERS = "/api/collections/orders/records"
CUSTOMERS = "/api/collections/customers/records"


def rows(server, table, query=""):
    answer = server.api.get(f"/api/tables/{table}/rows?{query}")
    assert answer.status == 200, answer
    return answer.json["items"]


def test_a_client_reads_its_own_write_in_the_table(server):
    server.api.post(CUSTOMERS, {"customer_id": "c1", "name": "Ada"})
    written = server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c1", "amount": "5.00"})
    answer = server.api.get(f"/api/tables/orders/rows?at_least={written.headers['x-millrace-position']}")
    assert answer.status == 200
    assert answer.headers["x-millrace-position"] >= written.json["_version"]
    (row,) = answer.json["items"]
    assert (row["order_id"], row["customer_name"], row["amount"]) == ("o1", "Ada", "5.00")
    # Both stores fold A to Z alone.
    accented = server.api.post(ORDERS, {"order_id": "o2", "customer_id": "\u00c9A", "amount": "5.00"}).json
    for pattern, found in (("\u00c9a", ["o2"]), ("\u00e9a", [])):
        query = f"customer_id=ilike.{millrace.quote(pattern)}"
        assert [row["order_id"] for row in server.api.get(f"{ORDERS}?{query}").json["items"]] == found
        assert [row["order_id"] for row in rows(server, "orders", f"{query}&at_least={accented['_version']}")] == found


def test_lookups_are_as_of_the_change(server):
    server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c1", "amount": "1.00"})
    server.api.post(CUSTOMERS, {"customer_id": "c1", "name": "Ada"})
    server.api.post(ORDERS, {"order_id": "o2", "customer_id": "c1", "amount": "1.00"})
    server.api.patch(f"{CUSTOMERS}/c1", {"name": "Grace"})
    last = server.api.post(ORDERS, {"order_id": "o3", "customer_id": "c1", "amount": "1.00"})
    table = rows(server, "orders", f"order=order_id.asc&at_least={last.json['_version']}")
    assert [r["customer_name"] for r in table] == ["Unknown", "Ada", "Grace"]


def test_history_in_the_lake_and_state_in_the_table(server, data):
    for i in range(10):
        server.api.post(ORDERS, {"order_id": f"o{i}", "customer_id": "c", "amount": i})
    for i in range(5):
        server.api.patch(f"{ORDERS}/o{i}", {"status": "shipped"})
    for i in range(3):
        server.api.delete(f"{ORDERS}/o{i}")
    millrace.wait_drained(data)
    assert millrace.sql(data, "SELECT count(*)::INT AS n FROM lake.orders_history") == [{"n": 18}]
    table = millrace.sql(data, "SELECT order_id, status FROM orders ORDER BY order_id")
    assert table == [{"order_id": f"o{i}", "status": "shipped" if i < 5 else "pending"} for i in range(3, 10)]
    assert rows(server, "lake.orders_history", "order_id=eq.o0&limit=10") != []


def test_everything_is_there_after_a_stop_without_a_server(shop, data):
    with millrace.Server(shop, data) as server:
        server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 1})
        assert server.stop() == 0
    assert millrace.sql(data, "SELECT order_id FROM lake.orders_history") == [{"order_id": "o1"}]
    (state,) = millrace.status(data)
    assert state["pipeline"] == "orders_now" and state["lag_events"] == 0 and state["dead_letters"] == 0
    assert millrace.dead_letters(data) == []


def test_a_refused_row_is_a_dead_letter_naming_the_rule(tmp_path, data):
    project = millrace.write_project(tmp_path / "p", {"things": """
collection: things
key: id
fields:
  id: {type: text, required: true}
  n:  {type: integer}
"""}, {"things": """
pipeline: things
from: {changes: things, start: earliest}
require: [n > 0]
sql: SELECT id, n, 100 // n AS share, CAST(id AS INTEGER) AS number FROM changes
to:
  - table: {name: things, key: id}
"""})
    with millrace.Server(project, data) as server:
        for key, n in (("1", 1), ("2", 0), ("3", None), ("x", 5), ("4", 4)):
            server.api.post("/api/collections/things/records", {"id": key, "n": n})
        millrace.wait_drained(data)
        letters = millrace.dead_letters(data)
        assert sorted(l["stage"] for l in letters) == ["require", "require", "sql"]
        for letter in letters:
            assert {"pipeline", "sink", "stream", "offset", "stage", "reason", "payload"} <= letter.keys()
        assert all("n > 0" in l["reason"] for l in letters if l["stage"] == "require")
        table = millrace.sql(data, "SELECT id FROM things ORDER BY id")
        assert table == [{"id": "1"}, {"id": "4"}]
        assert millrace.status(data)[0]["dead_letters"] == 3


def test_kill_and_restart_gives_every_row_once(shop, data):
    acknowledged = []
    for round_ in range(3):
        with millrace.Server(shop, data) as server:
            for i in range(40):
                key = f"r{round_}-{i}"
                assert server.api.post(ORDERS, {"order_id": key, "customer_id": "c", "amount": 1}).status == 201
                acknowledged.append(key)
            server.kill()
    with millrace.Server(shop, data):
        millrace.wait_drained(data)
        lake = [r["order_id"] for r in millrace.sql(data, "SELECT order_id FROM lake.orders_history")]
        table = [r["order_id"] for r in millrace.sql(data, "SELECT order_id FROM orders")]
        assert sorted(lake) == sorted(acknowledged)
        assert sorted(table) == sorted(acknowledged)
