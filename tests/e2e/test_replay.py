"""`millrace pipelines replay`: the same rows again, beside the old ones, exchanged in one act."""

import json
import shutil
import signal
import subprocess
import threading

import pytest

import millrace

CUSTOMERS = """
collection: customers
key: customer_id
fields:
  customer_id: {type: text, required: true}
  name:        {type: text}
"""
ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text}
  customer_id: {type: text, required: true}
  amount:      {type: integer, required: true}
"""
NOW = """
pipeline: orders_now
from: {changes: orders}
batch: {max_rows: 100}
lookups: {customers: {changes: customers, on: customer_id}}
require: [amount >= 0]
sql: |
  SELECT c.order_id, coalesce(customers.name, 'Unknown') AS name, c.amount
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
to:
  - table: {name: orders, key: order_id}
  - lake:  {path: orders_history/, roll: {every: 1s}}
"""
ROWS = "SELECT * FROM orders ORDER BY order_id"


@pytest.fixture
def shop(tmp_path):
    return millrace.write_project(tmp_path / "project", {"orders": ORDERS, "customers": CUSTOMERS}, {"orders_now": NOW})


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def write(api, rounds=3, orders=200):
    """Orders whose customers change their names between the writes: a replay must see each as it was."""
    for i in range(rounds):
        if i == 0:
            assert api.post("/api/collections/customers/records", {"customer_id": "c1", "name": "name 0"}).status == 201
        else:
            assert api.patch("/api/collections/customers/records/c1", {"name": f"name {i}"}).status == 200
        batch = [{"order_id": f"o{i}-{k}", "customer_id": "c1" if k % 2 else "gone", "amount": k - 1} for k in range(orders)]
        assert api.post("/api/collections/orders/records", batch).status == 201
        for k in range(0, orders, 7):
            assert api.patch(f"/api/collections/orders/records/o{i}-{k}", {"amount": 1000 + k}).status == 200
        for k in range(3, orders, 50):
            assert api.delete(f"/api/collections/orders/records/o{i}-{k}").status == 204


def lake_rows(data, folder):
    """Rows of a lake folder by a reader that is not ours."""
    out = millrace.venv_python(
        "import duckdb, sys; print(duckdb.sql(f\"select * from read_parquet('{sys.argv[1]}/*.parquet') order by all\").fetchall())",
        data / "lake" / folder)
    return out


def replay(shop, data, *flags, check=True):
    return millrace.run("pipelines", "replay", "orders_now", "--project", shop, "--data", data, *flags, check=check)


def test_a_replay_gives_the_same_rows_lookups_as_of_then(shop, data):
    with millrace.Server(shop, data) as server:
        write(server.api)
        millrace.wait_drained(data)
        before = millrace.sql(data, ROWS)
        compared = json.loads(replay(shop, data, "--compare", "--json").stdout)["sinks"][0]
        assert compared["difference"]["equal"] and compared["difference"]["same"] == len(before) > 500
        report = json.loads(replay(shop, data, "--json").stdout)
        assert report["sinks"][0]["target"] == "table orders"
        upto = report["sinks"][0]["upto"]
        assert f"replay of orders_now {upto} of {upto} (100 %)" in replay(shop, data).stderr
        assert millrace.sql(data, ROWS) == before
        assert server.api.post("/api/collections/orders/records", {"order_id": "later", "customer_id": "c1", "amount": 1}).status == 201
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT name FROM orders WHERE order_id = 'later'") == [{"name": "name 2"}]
        assert server.api.get("/api/tables/orders/rows?limit=1").status == 200
    assert millrace.verify(data)["agree"]
    # Without a server, and after it.
    again = millrace.sql(data, ROWS)
    assert " (100 %)" in replay(shop, data).stderr
    assert millrace.sql(data, ROWS) == again
    with millrace.Server(shop, data) as server:
        millrace.wait_drained(data)
        assert millrace.sql(data, ROWS) == again
    assert millrace.verify(data)["agree"]


def test_a_lake_is_replayed_into_another_folder(shop, data):
    with millrace.Server(shop, data) as server:
        write(server.api, rounds=2)
        millrace.wait_drained(data)
        replay(shop, data, "--lake-to", "again/orders")
        assert lake_rows(data, "again/orders") == lake_rows(data, "orders_history")
        twice = replay(shop, data, "--lake-to", "again/orders", check=False)
        assert twice.returncode == 1 and "is there already" in twice.stderr
        for bad in ("../out", "orders_history/x", "_hidden"):
            assert replay(shop, data, "--lake-to", bad, check=False).returncode in (1, 2)
    # The pipeline goes on there when its path is changed.
    definition = shop / "pipelines" / "orders_now.yaml"
    definition.write_text(NOW.replace("orders_history/", "again/orders"))
    with millrace.Server(shop, data) as server:
        assert server.api.post("/api/collections/orders/records", {"order_id": "later", "customer_id": "c1", "amount": 1}).status == 201
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT count(*) AS n FROM lake.again_orders WHERE order_id = 'later'") == [{"n": 1}]


@pytest.mark.parametrize("on_error, running", [("dead_letter", True), ("park_key", False)])
def test_a_replayed_lake_has_what_was_redriven(shop, data, on_error, running):
    (shop / "pipelines" / "orders_now.yaml").write_text(NOW.replace("require:", f"on_error: {on_error}\nrequire:"))

    def letters(*args, expect=0):
        result = millrace.run("deadletters", *args, "--data", data, check=False)
        assert result.returncode == expect, result

    with millrace.Server(shop, data) as server:
        write(server.api, rounds=2)  # o0-0 and o1-0 die; with park_key their next changes wait behind them
        millrace.wait_drained(data)
        letters("mend", "--key", "o0-0", "--set", "amount = abs(amount)", "--apply")
        letters("redrive", "--key", "o0-0")
        for key in ("o0-0", "o1-0"):
            assert server.api.patch(f"/api/collections/orders/records/{key}", {"amount": 7777}).status == 200
        assert server.api.patch("/api/collections/customers/records/c1", {"name": "another name"}).status == 200
        millrace.wait_drained(data)
        waiting = [letter for letter in millrace.dead_letters(data) if letter["sink"] == "lake.orders_history"]
        if not running:
            server.stop()
        report = json.loads(replay(shop, data, "--lake-to", "again", "--json").stdout)["sinks"][0]
        assert report["dead_letters"] == len(waiting) == (3 if on_error == "park_key" else 1), (report, waiting)
        assert lake_rows(data, "again") == lake_rows(data, "orders_history")
        names = [sorted(path.name for path in (data / "lake" / folder).glob("part-0001-0*")) for folder in ("again", "orders_history")]
        assert names[0] == names[1] != []
    (shop / "pipelines" / "orders_now.yaml").write_text(NOW.replace("orders_history/", "again/"))
    with millrace.Server(shop, data) as server:
        before = millrace.sql(data, "SELECT count(*) AS n FROM lake.again")[0]["n"]
        assert server.api.post("/api/collections/orders/records", {"order_id": "later", "customer_id": "c1", "amount": 1}).status == 201
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT count(*) AS n FROM lake.again")[0]["n"] == before + 1
    # Its letters are those of the lake before.
    verdict = millrace.verify(data)
    # Parked changes wait as letters of the lake before: they are missing in this one.
    assert (verdict["verdict"] == "disagrees") == (on_error == "park_key"), verdict
    assert any("of letters of another sink" in why for why in verdict["collections"]["orders"]["left_out"]), verdict


def test_a_changed_pipeline_is_compared_then_rebuilt(shop, data):
    definition = shop / "pipelines" / "orders_now.yaml"
    with millrace.Server(shop, data) as server:
        write(server.api, rounds=1)
        millrace.wait_drained(data)
        count = len(millrace.sql(data, ROWS))
        letters = len(millrace.dead_letters(data))
        assert letters > 0
        definition.write_text(NOW.replace("[amount >= 0]", "[amount >= 10]").replace("c.amount\n", "c.amount, c.amount * 2 AS twice\n")
                              .replace("'Unknown'", "'Nobody'"))
        compared = replay(shop, data, "--compare", "--json", check=False)
        assert compared.returncode == 1, compared.stderr
        difference = json.loads(compared.stdout)["sinks"][0]["difference"]
        assert difference["only_before"] == 8 and difference["only_after"] == 0
        assert difference["columns"] == {"name": difference["changed"]} and difference["columns_only_after"] == ["twice"]
        assert len(difference["examples"]) == 10
        people = replay(shop, data, "--compare", check=False).stdout
        assert "column name:" in people and '"twice" is new' in people
        refused = replay(shop, data, check=False)
        assert refused.returncode == 1 and "another definition" in refused.stderr
        assert len(millrace.sql(data, ROWS)) == count
    with millrace.Server(shop, data) as server:
        replay(shop, data)
        rows = millrace.sql(data, ROWS)
        assert all(row["twice"] == row["amount"] * 2 and row["amount"] >= 10 for row in rows)
        assert {row["name"] for row in rows} == {"name 0", "Nobody"}
        assert not [t for t in server.api.get("/api/tables").json["items"] if t["table"].startswith("_")]


def test_replay_while_writes_go_on(shop, data):
    with millrace.Server(shop, data) as server:
        write(server.api, rounds=2)
        api, stop, count = millrace.Api(server.port), threading.Event(), [0]

        def writer():
            while not stop.is_set():
                batch = [{"order_id": f"w{count[0]}-{k}", "customer_id": "c1", "amount": k} for k in range(20)]
                assert api.post("/api/collections/orders/records", batch).status == 201
                count[0] += 1

        thread = threading.Thread(target=writer)
        thread.start()
        try:
            for _ in range(3):
                replay(shop, data)
        finally:
            stop.set()
            thread.join()
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT count(*) AS n FROM orders WHERE order_id LIKE 'w%'") == [{"n": count[0] * 20}]
    assert millrace.verify(data)["agree"]


def shadows(api):
    return [t for t in api.get("/api/tables").json["items"] if t["table"].startswith("_replay_")]


def test_kill_and_cancel_change_nothing(shop, data):
    # Batches of one row, so that there is a middle.
    (shop / "pipelines" / "orders_now.yaml").write_text(NOW.replace("max_rows: 100", "max_rows: 1"))
    command = [str(millrace.BINARY), "pipelines", "replay", "orders_now", "--project", str(shop), "--data", str(data)]

    def in_the_middle(api):
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        millrace.wait_until(lambda: shadows(api), pause=0.001, what="a shadow")
        return running

    with millrace.Server(shop, data) as server:
        write(server.api)
        millrace.wait_drained(data)
        before = millrace.sql(data, ROWS)
        running = in_the_middle(server.api)
        server.kill()
        assert running.wait(60) == 5
        running.communicate()
    shutil.rmtree(data / "tmp")  # as who makes room does: the shadow's table is elsewhere
    with millrace.Server(shop, data) as server:
        assert millrace.sql(data, ROWS) == before and not shadows(server.api)
        running = in_the_middle(server.api)
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(timeout=60)
        assert running.returncode == 130 and b"nothing was replaced" in errors
        assert millrace.sql(data, ROWS) == before and not shadows(server.api)
        replay(shop, data)
        assert millrace.sql(data, ROWS) == before


def test_what_cannot_be_replayed_is_named(shop, data):
    with millrace.Server(shop, data) as server:
        assert server.api.get("/readyz").status in (200, 503)
    unknown = millrace.run("pipelines", "replay", "order_now", "--project", shop, "--data", data, check=False)
    assert unknown.returncode == 5 and "orders_now" in unknown.stderr
    sink = replay(shop, data, "--sink", "table.x", check=False)
    assert sink.returncode == 5 and "table.orders, lake.orders_history" in sink.stderr
    nowhere = millrace.run("pipelines", "replay", "orders_now", "--project", shop, "--data", data / "x", check=False)
    assert nowhere.returncode == 5


def test_a_comparison_leaves_out_what_no_run_gives_again(shop, data):
    """Times of processing, and rows of letters that were mended and redriven."""
    text = NOW.replace("c.amount\n", "c.amount, _processed_at AS seen, c.amount % 2 AS odd\n")
    (shop / "pipelines" / "orders_now.yaml").write_text(text)
    with millrace.Server(shop, data) as server:
        write(server.api, rounds=1)
        millrace.wait_drained(data)
        assert [one["key"] for one in millrace.dead_letters(data)] == ["o0-0", "o0-0"]
        millrace.run("deadletters", "mend", "--all", "--data", data, "--set", "amount = 7", "--apply")
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet")
        report = json.loads(replay(shop, data, "--compare", "--json").stdout)
        assert report["sinks"][0]["dead_letters"] == 0, "it is redriven"
        (difference,) = [sink["difference"] for sink in report["sinks"]]
        assert difference["equal"] and difference["same"] > 100, difference
        assert difference["columns_left_out"] == ["seen"] and difference["redriven_left_out"] == 1
        assert "column \"seen\" left out" in replay(shop, data, "--compare").stdout
        # What does differ is told all the same.
        (shop / "pipelines" / "orders_now.yaml").write_text(text.replace("% 2", "% 3"))
        report = json.loads(replay(shop, data, "--compare", "--json", check=False).stdout)
        (difference,) = [sink["difference"] for sink in report["sinks"]]
        assert not difference["equal"] and list(difference["columns"]) == ["odd"]
        (shop / "pipelines" / "orders_now.yaml").write_text(text)
        assert ", 0 dead letters wait\n" in replay(shop, data).stdout
