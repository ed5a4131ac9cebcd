"""millrace verify where a pipeline leaves rows out, computes them, or began later: its pipeline runs again."""

import json
import threading

import pytest

import millrace

ORDERS = "/api/collections/orders/records"
CUSTOMERS = "/api/collections/customers/records"
CLICKS = "/api/streams/clicks/events"

# Rows are left out by WHERE and by an inner join, and computed; customers come and change.
BIG = """
pipeline: big
from: {changes: orders, start: earliest}
lookups: {customers: {changes: customers, on: customer_id}}
require: [amount <> 13]
sql: |
  SELECT o.order_id, upper(customers.name) AS name, o.amount * 2 AS twice, _processed_at AS seen
  FROM changes o JOIN customers ON customers.customer_id = o.customer_id WHERE o.amount >= 10
to:
  - table: {name: big, key: order_id, on_delete: delete}
  - lake:  {path: big/, roll: {rows: 1000000, every: 300ms}}
"""
STREAM = "stream: clicks\nfields: {user_id: {type: text, required: true}, n: {type: integer}}\n"
CLICKS_ALL = """
pipeline: clicks_all
from: {stream: clicks}
sql: SELECT event_id, user_id, n, _ts, _version, _id, _op FROM changes
to:
  - table: {name: clicks, key: event_id}
  - lake:  {path: clicks/, roll: {every: 300ms}}
"""
CLICKS_ODD = """
pipeline: clicks_odd
from: {stream: clicks}
sql: SELECT event_id, n % 10 AS digit FROM changes WHERE n % 2 = 1
to:
  - table: {name: odd, key: event_id}
  - lake:  {path: odd/, offset_column: false, roll: {every: 300ms}}
"""


@pytest.fixture
def shop(shop):
    (shop / "pipelines" / "big.yaml").write_text(BIG)
    (shop / "streams" / "clicks.yaml").write_text(STREAM)
    (shop / "pipelines" / "clicks_all.yaml").write_text(CLICKS_ALL)
    (shop / "pipelines" / "clicks_odd.yaml").write_text(CLICKS_ODD)
    return shop


def write(server, first=0, count=40):
    for name in ("ada", "bob"):
        server.api.post(CUSTOMERS, {"customer_id": name, "name": f"{name} {first}"})
        server.api.patch(f"{CUSTOMERS}/{name}", {"name": f"{name} of {first}"})
    for number in range(first, first + count):
        order = {"order_id": f"o{number:04}", "customer_id": ["ada", "bob", "nobody"][number % 3], "amount": number % 23}
        assert server.api.post(ORDERS, order).status == 201
        assert server.api.post(CLICKS, {"user_id": "u", "n": number}).status == 201
    server.api.patch(f"{ORDERS}/o{first + 12:04}", {"amount": 1})
    server.api.patch(f"{ORDERS}/o{first + 1:04}", {"amount": 99})
    server.api.delete(f"{ORDERS}/o{first + 15:04}")


def verify(data, *args):
    result = millrace.run("verify", "--data", data, "--json", *args, check=False)
    assert result.returncode in (0, 1, 8, 9), result.stderr
    return json.loads(result.stdout)


def findings(verdict):
    return [one for kind in ("collections", "streams") for each in verdict[kind].values() for one in each["findings"]]


def event_id(data, key, collection=None):
    args = ["--collection", collection] if collection else []
    return json.loads(millrace.run("trace", key, "--data", data, "--json", *args).stdout)["items"][0]["event_id"]


def filled(shop, data, **more):
    with millrace.Server(shop, data) as server:
        write(server, **more)
        millrace.wait_drained(data)
        server.stop()


def test_rows_that_a_pipeline_leaves_out_are_not_lost(shop, data):
    filled(shop, data)
    verdict = verify(data)
    assert verdict["verdict"] == "agrees", verdict
    orders, clicks = verdict["collections"]["orders"], verdict["streams"]["clicks"]
    assert orders["state"]["big"]["rerun"] and orders["history"]["lake.big"]["rerun"]
    assert 0 < orders["state"]["big"]["rows"] < orders["state"]["log"]["rows"]
    assert orders["dead_letters"] > 0
    assert "big: columns seen, which another run gives other values" in orders["left_out"]
    assert {name: one["rows"] for name, one in clicks["history"].items()} == {"log": 40, "lake.clicks": 40, "lake.odd": 20}
    assert {name: one["rows"] for name, one in clicks["state"].items()} == {"clicks": 40, "odd": 20}
    assert "rerun" not in clicks["state"]["clicks"] and "rerun" not in clicks["history"]["lake.clicks"]
    assert not list((data / "tmp").glob("verify-*"))


@pytest.mark.parametrize("table,key", [("big", "order_id"), ("odd", "event_id"), ("clicks", "event_id")])
def test_a_row_that_a_table_really_lost_is_named(shop, data, table, key):
    filled(shop, data)
    gone = f"(SELECT {key} FROM PART WHERE {key} > 'o0002' AND {key} <> 'o0015' ORDER BY ALL LIMIT 1)" if table == "big" else (
        f"(SELECT max({key}) FROM PART)")
    lost = millrace.plant_in_table(data, table, f"CREATE TEMP TABLE gone AS {gone}; DELETE FROM PART WHERE {key} IN (FROM gone); FROM gone")
    verdict = verify(data)
    (finding,) = findings(verdict)
    assert (finding["stage"], finding["store"]) == ("table", table)
    assert finding["expected"]["rows"] - finding["found"]["rows"] == 1
    assert len(finding["missing"]) == 1 and finding["doubled"] == finding["altered"] == []
    (item,) = json.loads(millrace.run("trace", finding["missing"][0], "--data", data, "--json").stdout)["items"]
    assert item["key"] == lost
    assert millrace.in_slice(finding["slice"], item["accepted_at"])


def test_a_doubled_and_an_altered_row_of_a_filtered_table_are_named(shop, data):
    filled(shop, data)
    millrace.plant_in_table(data, "big", "INSERT INTO PART SELECT * REPLACE ('ghost' AS order_id) FROM PART WHERE order_id = 'o0010'")
    millrace.plant_in_table(data, "big", "UPDATE PART SET twice = 8 WHERE order_id = 'o0016'")
    (finding,) = findings(verify(data))
    assert (finding["stage"], finding["store"]) == ("table", "big")
    assert finding["doubled"] == [event_id(data, "orders/o0010")] and finding["missing"] == []
    assert finding["altered"] == [event_id(data, "orders/o0016")]
    # A row that the pipeline leaves out, put in by hand.
    millrace.plant_in_table(data, "big", "DELETE FROM PART WHERE order_id = 'ghost'; UPDATE PART SET twice = 32 WHERE order_id = 'o0016'")
    assert findings(verify(data)) == []


@pytest.mark.parametrize("folder,select,field", [
    ("big", "SELECT * FROM ROWS WHERE _offset > (SELECT min(_offset) FROM ROWS)", "missing"),
    ("big", "SELECT * FROM ROWS UNION ALL SELECT * FROM ROWS WHERE order_id = 'o0010'", "doubled"),
    ("big", "SELECT * REPLACE (CASE WHEN order_id = 'o0010' THEN 'x' ELSE name END AS name) FROM ROWS", "altered"),
    ("clicks", "SELECT * FROM ROWS WHERE _offset > (SELECT min(_offset) FROM ROWS)", "missing"),
    ("odd", "SELECT * FROM ROWS WHERE event_id <> (SELECT min(event_id) FROM ROWS)", "missing"),
])
def test_what_is_wrong_in_a_lake_is_named(shop, data, folder, select, field):
    filled(shop, data)
    millrace.plant_in_lake(data, folder, select)
    (finding,) = findings(verify(data))
    assert (finding["stage"], finding["store"]) == ("lake", f"lake.{folder}")
    assert len(finding[field]) == 1
    assert sum(len(finding[one]) for one in ("missing", "doubled", "altered")) == 1
    off = {"missing": -1, "doubled": 1, "altered": 0}[field]
    assert finding["found"]["rows"] - finding["expected"]["rows"] == off
    items = json.loads(millrace.run("trace", finding[field][0], "--data", data, "--json").stdout)["items"]
    assert millrace.in_slice(finding["slice"], items[0]["accepted_at"])
    if folder == "big" and field != "missing":
        assert items[0]["key"] == "o0010"


def test_sinks_that_began_later_are_compared_from_their_beginning_on(shop, data):
    (shop / "pipelines" / "big.yaml").unlink()
    filled(shop, data, count=20)
    late = BIG.replace("earliest", "latest")
    (shop / "pipelines" / "big.yaml").write_text(late)
    filled(shop, data, first=100)
    verdict = verify(data)
    assert verdict["verdict"] == "agrees", verdict
    assert any("big: events before offset" in why for why in verdict["collections"]["orders"]["left_out"])
    millrace.plant_in_table(data, "big", "DELETE FROM PART WHERE order_id = 'o0114'")
    (finding,) = findings(verify(data))
    assert (finding["store"], len(finding["missing"])) == ("big", 1)


def test_rows_of_an_older_definition_are_left_alone(shop, data):
    filled(shop, data)
    (shop / "pipelines" / "big.yaml").write_text(BIG.replace("amount * 2", "amount * 3"))
    # Not the definition that ran: nothing can be told by it.
    orders = verify(data)["collections"]["orders"]
    assert orders["verdict"] == "incomplete" and not orders["agree"]
    assert any("not the one that ran last" in why for why in orders["left_out"]), orders
    filled(shop, data, first=100)
    verdict = verify(data)
    assert verdict["verdict"] == "agrees", verdict
    millrace.plant_in_table(data, "big", "DELETE FROM PART WHERE order_id = 'o0114'")
    (finding,) = findings(verify(data))
    assert finding["missing"] == [event_id(data, "orders/o0114")]
    millrace.run("pipelines", "replay", "big", "--project", shop, "--data", data, "--quiet")
    verdict = verify(data)
    assert verdict["verdict"] == "agrees", verdict
    assert not any(why.startswith("big: events before") for why in verdict["collections"]["orders"]["left_out"])


def test_without_the_project_it_says_so(shop, data, tmp_path):
    filled(shop, data)
    shop.rename(tmp_path / "moved")
    verdict = verify(data)
    assert verdict["verdict"] == verdict["collections"]["orders"]["verdict"] == "incomplete"
    assert any("--project" in why for why in verdict["collections"]["orders"]["left_out"]), verdict
    mistyped = millrace.run("verify", "--data", data, "--project", tmp_path / "nope", check=False)
    assert mistyped.returncode == 3 and "nope" in mistyped.stderr
    verdict = verify(data, "--project", tmp_path / "moved")
    assert verdict["verdict"] == "agrees", verdict


def test_under_load_nothing_is_a_false_alarm(shop, data):
    with millrace.Server(shop, data) as server:
        stop = threading.Event()

        def load(name):
            api = millrace.Api(server.port)
            number = 0
            while not stop.is_set():
                key = f"{name}-{number % 40}"
                if api.post(ORDERS, {"order_id": key, "customer_id": "ada", "amount": number % 40}).status == 409:
                    api.patch(f"{ORDERS}/{key}", {"amount": number % 40})
                if number % 7 == 0:
                    api.delete(f"{ORDERS}/{key}")
                if number % 5 == 0 and api.post(CUSTOMERS, {"customer_id": "ada", "name": "Ada"}).status == 409:
                    api.patch(f"{CUSTOMERS}/ada", {"name": f"{name} {number}"})
                api.post(CLICKS, {"user_id": name, "n": number})
                number += 1

        writers = [threading.Thread(target=load, args=(name,)) for name in "abc"]
        for writer in writers:
            writer.start()
        try:
            verdicts = [verify(data) for _ in range(4)]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert [findings(verdict) for verdict in verdicts] == [[]] * 4
        millrace.wait_drained(data)
        last = verify(data)
        assert last["verdict"] == "agrees", last
        metrics = server.api.get("/metrics").body.decode()
        assert 'verify_rows_missing{collection="clicks",stage="lake",store="lake.odd"} 0' in metrics
